//! Detection of the resource that limited a server.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Report, Verdict};

/// The 99th percentile of the swarm's lateness, in milliseconds, above which the swarm is the bottleneck of a run in which no bot stayed.
const MAX_SWARM_LAG_MS: f64 = 10.0;

/// The share of the machine's CPU from which it counts as exhausted. CPU is an average over the run, so it does not reach 100 %.
const CPU_SHARE: f64 = 0.9;
/// The share of the machine's memory from which it counts as exhausted. Memory is measured at the end of the run, and does not reach 100 %.
const MEMORY_SHARE: f64 = 0.85;
/// The share of the tick period from which the p99 of the tick duration counts as exhausting it.
const TICK_SHARE: f64 = 0.8;

/// The share of one room's ticks that may exceed their period.
const MAX_OVERRUN_SHARE: f64 = 0.001;

/// If at least one bot in this many is refused, the seats ran out; fewer may be accidents.
const REFUSED_ONE_IN: u64 = 50;

/// The percentage of lost snapshots above which the network is the bottleneck.
const MAX_LOST_PERCENT: f64 = 1.0;

/// The factor by which the p99 of the gaps between snapshots may grow from the load that held to the load that broke.
const MAX_GAP_GROWTH: f64 = 1.5;

/// The resource that limited a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// The cores of the server's machine.
    ServerCpu,
    /// The duration of a room's tick, which is bound by the speed of one thread, not by the number of cores.
    Tick,
    /// The memory of the server's machine.
    Memory,
    /// The network between the swarm and the server.
    Network,
    /// The number of players that the server admits.
    Seats,
    /// The swarm itself; the server may carry more.
    Swarm,
    /// A resource that was not measured.
    Unknown,
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerCpu => "the server's CPU: all of its cores are busy",
            Self::Tick => "the tick: a room's tick takes nearly its whole period, while cores are idle",
            Self::Memory => "memory: the server uses nearly all of its machine's memory",
            Self::Network => {
                "the network: snapshots are lost or late on the way, while the server has reserves"
            }
            Self::Seats => "its seats: the server refuses more players, while those who play are served well",
            Self::Swarm => {
                "the swarm itself: it could not run more bots on schedule, so the server may carry more"
            }
            Self::Unknown => {
                "an unknown resource; --server-http adds the server's CPU, tick and memory to the search"
            }
        })
    }
}

/// Determines the bottleneck from the report of the largest load that held, if any, and of a load that broke. The tick period is in
/// milliseconds.
///
/// Returns the first of these that applies to the load that broke:
///
/// 1. **Swarm**: the run is `invalid`, and bots stayed (more joined than were disconnected) or the p99 of the swarm's lateness was above 10
///    ms. This comes first, because the figures of such a run prove nothing about the server. If no bot stayed and the swarm was on time,
///    the server is the cause.
/// 2. **Seats**: some bots joined, and at least one in 50 was refused.
/// 3. **Memory**: the server used at least 85 % of its machine's memory. This precedes CPU, because a machine that swaps is busy too.
/// 4. **Server CPU**: the server kept at least 90 % of its machine's cores busy. This precedes the tick, because ticks are late when no
///    core is idle.
/// 5. **Tick**: the p99 of the tick duration was at least 80 % of the period, the number of ticks over their period was above 0.1 % of one
///    room's ticks, or any tick was skipped.
/// 6. **Network**: more than 1 % of snapshots were lost, or the p99 of the gaps between snapshots grew by more than half from the load that
///    held.
/// 7. **Unknown**.
#[must_use]
pub fn bottleneck(held: Option<&Report>, broke: &Report, tick_period_ms: f64) -> Bottleneck {
    let server = broke.server.unwrap_or_default();
    let ticks = broke.seconds * 1000.0 / tick_period_ms.max(1.0);
    let is_full = |used: Option<f64>, of: Option<f64>, share: f64| {
        used.zip(of).is_some_and(|(used, of)| used >= share * of)
    };
    let gap = |report: &Report| report.snapshot_gap_ms.map(|times| times.p99);
    let gaps_grew = held.and_then(gap).zip(gap(broke)).is_some_and(|(then, now)| now > MAX_GAP_GROWTH * then);
    let bots_stayed = broke.joined > broke.disconnected;
    if broke.verdict == Verdict::Invalid && (bots_stayed || broke.swarm.lag_ms_p99 > MAX_SWARM_LAG_MS) {
        Bottleneck::Swarm
    } else if broke.joined > 0 && broke.refused * REFUSED_ONE_IN >= broke.bots.max(1) {
        Bottleneck::Seats
    } else if is_full(server.rss_mb, server.machine_mb, MEMORY_SHARE) {
        Bottleneck::Memory
    } else if is_full(server.cpu_cores, server.cores.map(|cores| cores as f64), CPU_SHARE) {
        Bottleneck::ServerCpu
    } else if is_full(server.tick_ms_p99, Some(tick_period_ms), TICK_SHARE)
        || server.overruns.is_some_and(|overruns| overruns as f64 > MAX_OVERRUN_SHARE * ticks)
        || server.slips > Some(0)
    {
        Bottleneck::Tick
    } else if broke.snapshots_lost_percent > Some(MAX_LOST_PERCENT) || gaps_grew {
        Bottleneck::Network
    } else {
        Bottleneck::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, ServerFigures, SwarmFigures};

    const PERIOD_MS: f64 = 33.3;

    /// A run in which no resource is exhausted.
    fn calm() -> Report {
        let server = ServerFigures {
            cpu_cores: Some(2.0),
            cores: Some(4),
            rss_mb: Some(400.0),
            machine_mb: Some(8000.0),
            tick_ms_p99: Some(8.0),
            ..ServerFigures::default()
        };
        let gaps = Percentiles { p99: 40.0, ..Percentiles::default() };
        Report {
            verdict: Verdict::Fail,
            seconds: 60.0,
            server: Some(server),
            snapshot_gap_ms: Some(gaps),
            ..Report::default()
        }
    }

    fn with_server(change: impl FnOnce(&mut ServerFigures)) -> Report {
        let mut report = calm();
        report.server.as_mut().map(change).unwrap();
        report
    }

    fn of(broke: &Report) -> Bottleneck {
        bottleneck(Some(&calm()), broke, PERIOD_MS)
    }

    #[test]
    fn a_server_that_refuses_players_is_limited_by_its_seats() {
        let full = Report { bots: 100, joined: 90, refused: 10, ..calm() };
        assert_eq!(of(&full), Bottleneck::Seats);
        assert_ne!(
            of(&Report { refused: 1, ..full }),
            Bottleneck::Seats,
            "one refused bot of 100 may be an accident"
        );
    }

    #[test]
    fn a_late_swarm_is_the_bottleneck() {
        let busy = with_server(|server| server.cpu_cores = Some(4.0));
        assert_eq!(of(&Report { verdict: Verdict::Invalid, joined: 9, ..busy.clone() }), Bottleneck::Swarm);
        let swarm = SwarmFigures { lag_ms_p99: 25.0, ..SwarmFigures::default() };
        assert_eq!(of(&Report { verdict: Verdict::Invalid, swarm, ..busy.clone() }), Bottleneck::Swarm);
        assert_eq!(
            of(&Report { swarm, ..busy }),
            Bottleneck::ServerCpu,
            "a valid run may be as late as that"
        );
    }

    #[test]
    fn a_server_that_refuses_all_bots_is_not_blamed_on_the_swarm() {
        let busy = with_server(|server| server.cpu_cores = Some(4.0));
        assert_eq!(of(&Report { verdict: Verdict::Invalid, ..busy }), Bottleneck::ServerCpu);
    }

    #[test]
    fn an_exhausted_resource_is_the_bottleneck() {
        assert_eq!(of(&with_server(|server| server.rss_mb = Some(6900.0))), Bottleneck::Memory);
        assert_eq!(of(&with_server(|server| server.cpu_cores = Some(3.6))), Bottleneck::ServerCpu);
        assert_eq!(of(&with_server(|server| server.tick_ms_p99 = Some(27.0))), Bottleneck::Tick);
        assert_eq!(of(&with_server(|server| server.overruns = Some(2))), Bottleneck::Tick, "of 1,800 ticks");
        assert_eq!(of(&with_server(|server| server.slips = Some(1))), Bottleneck::Tick);
        assert_eq!(of(&with_server(|server| server.overruns = Some(1))), Bottleneck::Unknown);
    }

    #[test]
    fn late_ticks_on_a_machine_without_idle_cores_are_blamed_on_the_cpu() {
        let report = with_server(|server| (server.cpu_cores, server.tick_ms_p99) = (Some(3.9), Some(50.0)));
        assert_eq!(of(&report), Bottleneck::ServerCpu);
    }

    #[test]
    fn lost_or_late_snapshots_of_an_idle_server_are_blamed_on_the_network() {
        assert_eq!(of(&Report { snapshots_lost_percent: Some(1.2), ..calm() }), Bottleneck::Network);
        let gaps = Some(Percentiles { p99: 61.0, ..Percentiles::default() });
        let late = Report { snapshot_gap_ms: gaps, ..calm() };
        assert_eq!(of(&late), Bottleneck::Network);
        assert_eq!(
            bottleneck(None, &late, PERIOD_MS),
            Bottleneck::Unknown,
            "without a held load there is no growth"
        );
    }

    #[test]
    fn a_server_without_metrics_has_no_known_bottleneck() {
        assert_eq!(of(&Report { server: None, ..calm() }), Bottleneck::Unknown);
        assert!(Bottleneck::Unknown.to_string().contains("--server-http"));
    }

    #[test]
    fn a_machine_of_unknown_size_is_not_exhausted() {
        let silent = with_server(|server| (server.cores, server.machine_mb) = (None, None));
        assert_eq!(of(&silent), Bottleneck::Unknown);
    }
}
