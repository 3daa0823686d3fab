//! What stood in the way of more players.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::{Report, Verdict};

/// How late a swarm in which nobody played has to be for that to be its own doing, in milliseconds: 99 of 100 of its deadlines.
const SWARM_LAG_MS: f64 = 10.0;

/// From which share on a resource counts as used up. CPU is an average over the run and memory at its end, so neither reaches all of it.
const CPU_SHARE: f64 = 0.9;
const MEMORY_SHARE: f64 = 0.85;
const TICK_SHARE: f64 = 0.8;

/// Which share of ticks may be over their period.
const OVERRUN_SHARE: f64 = 0.001;

/// One bot in so many without a seat is more than an accident.
const REFUSED: u64 = 50;

/// From how many per cent of lost snapshots on the network is to blame.
const LOST_PERCENT: f64 = 1.0;

/// By what factor gaps between snapshots may grow from the load that held to the one that did not.
const GAP_GROWTH: f64 = 1.5;

/// What limited a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The cores of its machine.
    ServerCpu,
    /// The time that one tick of a room takes: one thread's speed, whatever the number of cores.
    Tick,
    /// The memory of its machine.
    Memory,
    /// What lies between.
    Network,
    /// How many players the server lets in.
    Seats,
    /// The swarm itself: the server may carry more.
    Swarm,
    /// Nothing that was measured.
    Unknown,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerCpu => "the server's CPU: all of its cores are busy",
            Self::Tick => "the tick: a room takes nearly as long for one as there is time, while cores are left",
            Self::Memory => "memory: the server fills its machine's",
            Self::Network => "the network: snapshots are lost or late on the way, and the server has time left",
            Self::Seats => "its seats: the server refuses more players, and those who play have what they need",
            Self::Swarm => "the swarm itself: it could not play more bots in time, so the server may carry more",
            Self::Unknown => {
                "nothing that was measured; with --server-http the server's CPU, tick and memory are known as well"
            }
        })
    }
}

/// What limited the server, from the reports of the load that held and of the first that did not; none when the most held. The tick's
/// period is in milliseconds.
///
/// The first of these that is so, judged on the load that did not hold:
///
/// 1. **Swarm**: the run is `invalid` although bots played, or nobody did and 99 of 100 of the swarm's deadlines were met up to more than
///    10 ms late. Its figures prove nothing about the server then, so this comes first. Where nobody played and the swarm was in time, it
///    was the server that turned everybody away.
/// 2. **Seats**: one in fifty of the bots, or more, got none.
/// 3. **Memory**: the server used at least 85 % of its machine's. Before CPU, because a machine that swaps is busy as well.
/// 4. **Server CPU**: it kept at least 90 % of its cores busy. Before the tick, because ticks are late when there is no core for them.
/// 5. **Tick**: 99 of 100 ticks took up to 80 % of their period or more, more than 0.1 % of ticks (one room's, for there is at least one)
///    were over their period, or some were let go.
/// 6. **Network**: more than 1 % of snapshots were lost, or the p99 of their gaps grew by half from the load that held.
///
/// Without a load that did not hold, nothing limited it but what was asked for.
#[must_use]
pub fn limit(held: Option<&Report>, broke: &Report, tick_period_ms: f64) -> Limit {
    let server = broke.server.unwrap_or_default();
    let ticks = broke.seconds * 1000.0 / tick_period_ms.max(1.0);
    let is_full = |used: Option<f64>, of: Option<f64>, share: f64| {
        used.zip(of).is_some_and(|(used, of)| used >= share * of)
    };
    let gap = |report: &Report| report.snapshot_gap_ms.map(|times| times.p99);
    let gaps_grew = held.and_then(gap).zip(gap(broke)).is_some_and(|(then, now)| now > GAP_GROWTH * then);
    let played = broke.joined > broke.disconnected;
    if broke.verdict == Verdict::Invalid && (played || broke.swarm.lag_ms_p99 > SWARM_LAG_MS) {
        Limit::Swarm
    } else if broke.joined > 0 && broke.refused * REFUSED >= broke.bots.max(1) {
        Limit::Seats
    } else if is_full(server.rss_mb, server.machine_mb, MEMORY_SHARE) {
        Limit::Memory
    } else if is_full(server.cpu_cores, server.cores.map(|cores| cores as f64), CPU_SHARE) {
        Limit::ServerCpu
    } else if is_full(server.tick_ms_p99, Some(tick_period_ms), TICK_SHARE)
        || server.overruns.is_some_and(|overruns| overruns as f64 > OVERRUN_SHARE * ticks)
        || server.slips > Some(0)
    {
        Limit::Tick
    } else if broke.snapshots_lost_percent > Some(LOST_PERCENT) || gaps_grew {
        Limit::Network
    } else {
        Limit::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, ServerFigures, SwarmFigures};

    const PERIOD_MS: f64 = 33.3;

    /// A run in which everything had room.
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

    fn of(broke: &Report) -> Limit {
        limit(Some(&calm()), broke, PERIOD_MS)
    }

    #[test]
    fn a_server_that_refuses_players_is_limited_by_its_seats() {
        let full = Report { bots: 100, joined: 90, refused: 10, ..calm() };
        assert_eq!(of(&full), Limit::Seats);
        assert_ne!(of(&Report { refused: 1, ..full }), Limit::Seats, "one may have had bad luck");
    }

    #[test]
    fn a_swarm_that_was_late_says_nothing_of_the_server() {
        let busy = with_server(|server| server.cpu_cores = Some(4.0));
        assert_eq!(of(&Report { verdict: Verdict::Invalid, joined: 9, ..busy.clone() }), Limit::Swarm);
        let swarm = SwarmFigures { lag_ms_p99: 25.0, ..SwarmFigures::default() };
        assert_eq!(of(&Report { verdict: Verdict::Invalid, swarm, ..busy.clone() }), Limit::Swarm);
        assert_eq!(of(&Report { swarm, ..busy }), Limit::ServerCpu, "it was allowed to be as late as that");
    }

    #[test]
    fn a_server_that_turns_everybody_away_is_not_the_swarm_s_fault() {
        let busy = with_server(|server| server.cpu_cores = Some(4.0));
        assert_eq!(of(&Report { verdict: Verdict::Invalid, ..busy }), Limit::ServerCpu);
    }

    #[test]
    fn what_is_used_up_is_the_limit() {
        assert_eq!(of(&with_server(|server| server.rss_mb = Some(6900.0))), Limit::Memory);
        assert_eq!(of(&with_server(|server| server.cpu_cores = Some(3.6))), Limit::ServerCpu);
        assert_eq!(of(&with_server(|server| server.tick_ms_p99 = Some(27.0))), Limit::Tick);
        assert_eq!(of(&with_server(|server| server.overruns = Some(2))), Limit::Tick, "of 1,800 ticks");
        assert_eq!(of(&with_server(|server| server.slips = Some(1))), Limit::Tick);
        assert_eq!(of(&with_server(|server| server.overruns = Some(1))), Limit::Unknown);
    }

    #[test]
    fn ticks_that_are_late_for_want_of_cores_are_the_cpu_s() {
        let report = with_server(|server| (server.cpu_cores, server.tick_ms_p99) = (Some(3.9), Some(50.0)));
        assert_eq!(of(&report), Limit::ServerCpu);
    }

    #[test]
    fn what_is_lost_or_late_while_the_server_has_time_is_the_network_s() {
        assert_eq!(of(&Report { snapshots_lost_percent: Some(1.2), ..calm() }), Limit::Network);
        let gaps = Some(Percentiles { p99: 61.0, ..Percentiles::default() });
        let late = Report { snapshot_gap_ms: gaps, ..calm() };
        assert_eq!(of(&late), Limit::Network);
        assert_eq!(limit(None, &late, PERIOD_MS), Limit::Unknown, "nothing says that they grew");
    }

    #[test]
    fn a_server_that_was_not_asked_has_no_known_limit() {
        assert_eq!(of(&Report { server: None, ..calm() }), Limit::Unknown);
        assert!(Limit::Unknown.to_string().contains("--server-http"));
    }

    #[test]
    fn a_machine_that_does_not_say_its_size_is_not_full() {
        let silent = with_server(|server| (server.cores, server.machine_mb) = (None, None));
        assert_eq!(of(&silent), Limit::Unknown);
    }
}
