//! The report of a capacity search: the loads that were tried, and the number of machines that a target needs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bottleneck, Knee};
use crate::report::{Report, RunSetting, Verdict, round, without_negative_zero};

/// The megabytes (10^6 bytes) in one GiB. Reports give memory in megabytes.
const GIB_MB: f64 = 1_073.741_824;

/// The share of a load's bots that must have held a seat, on average over the measured part of the run. It is below 1, because a few
/// bots may join late, or lose their seat and join again.
const MIN_SEATED_SHARE: f64 = 0.97;

/// Version of this report format: incremented when a field is removed or changes its meaning, not when a field is added.
pub const SCHEMA: u32 = 1;

/// The number of players that a server carries, and its costs per player.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacityReport {
    /// Version of this format.
    pub schema: u32,
    /// Environment and plan of the first load.
    pub setting: RunSetting,
    /// Largest load that held each time it was tried, in players; 0 when no load did.
    pub players: u32,
    /// Smallest load that did not hold, in players; null when the largest load of the search held.
    pub breaks_at: Option<u32>,
    /// Players per busy core of the server; null without `--server-http`, or when no load held.
    pub players_per_core: Option<f64>,
    /// Players per GiB of the server's resident memory, including the memory of a server without players; null without `--server-http`, or
    /// when no load held.
    pub players_per_gib: Option<f64>,
    /// UDP payload per player in both directions, in kilobytes of 1,000 bytes per second; 0 when no load held.
    pub kb_s_per_player: f64,
    /// UDP payload that a player receives, in kilobytes of 1,000 bytes per second; 0 when no load held.
    pub kb_s_down_per_player: f64,
    /// UDP payload that a player sends, in kilobytes of 1,000 bytes per second; 0 when no load held.
    pub kb_s_up_per_player: f64,
    /// Number of servers like this one for the players of `--for`; null without `--for`, or when no load held.
    pub machines_for: Option<MachinesFor>,
    /// Resource that limited the server; null when `breaks_at` is null.
    pub limit: Option<Bottleneck>,
    /// Results of the tries, in order. A load that was tried again appears again.
    pub tries: Vec<LoadResult>,
}

/// The number of servers for a number of players.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachinesFor {
    /// Target number of players.
    pub target: u64,
    /// Number of servers, each with the largest load that held, with no headroom.
    pub machines: u64,
}

/// The result of one try of a load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadResult {
    /// Load, in players.
    pub players: u32,
    /// Whether the run passed (all `--slo` rules held, and the swarm kept its schedule) with enough bots seated.
    pub held: bool,
    /// First reason why the load did not hold; null when it held.
    pub why: Option<String>,
    /// 99th percentile of the time from the scheduled send of an input to its acknowledgement, in milliseconds; null
    /// if none was acknowledged.
    pub input_ack_ms_p99: Option<f64>,
    /// Average number of cores that the server kept busy; null without `--server-http`.
    pub cpu_cores: Option<f64>,
    /// 99th percentile of the server's tick duration, in milliseconds; null without `--server-http`.
    pub tick_ms_p99: Option<f64>,
    /// Resident memory of the server, in megabytes of 10^6 bytes; null without `--server-http`.
    pub rss_mb: Option<f64>,
}

impl LoadResult {
    /// Evaluates the run of a load. A load does not hold when too few of its bots were seated, even if the rules held for those.
    #[must_use]
    pub fn of(players: u32, report: &Report) -> Self {
        let seated = report.bot_seconds / (report.seconds - report.warm_up_s).max(f64::MIN_POSITIVE);
        let is_seated = seated >= MIN_SEATED_SHARE * f64::from(players);
        let held = report.verdict == Verdict::Pass && is_seated;
        let unseated = (!is_seated).then(|| format!("only {seated:.1} of {players} had a seat, on average"));
        let server = report.server.as_ref();
        Self {
            players,
            held,
            why: report.why.first().cloned().or(unseated).filter(|_| !held),
            input_ack_ms_p99: report.input_ack_ms.map(|times| times.p99),
            cpu_cores: server.and_then(|server| server.cpu_cores),
            tick_ms_p99: server.and_then(|server| server.tick_ms_p99),
            rss_mb: server.and_then(|server| server.rss_mb),
        }
    }
}

impl CapacityReport {
    /// Builds the report of a search. The caller must fill in the setting. `at_knee` is the report of a run with the largest load that held
    /// (the knee), `None` if no load held each time; `limit` is the bottleneck, and `target` the number of players of `--for`.
    #[must_use]
    pub fn new(
        knee: Knee,
        at_knee: Option<&Report>,
        limit: Option<Bottleneck>,
        target: Option<u64>,
        tries: Vec<LoadResult>,
    ) -> Self {
        let players = f64::from(knee.holds);
        let server = at_knee.and_then(|report| report.server);
        let per = |used: f64| (used > 0.0).then(|| round(players / used));
        // 0 if no load held. Otherwise the run has rates, because bots played in it.
        let kb_s = |of: fn(&Report) -> Option<f64>| at_knee.and_then(of).unwrap_or_default() / 1000.0;
        let (down, up) =
            (kb_s(|report| report.bytes_down_per_bot_s), kb_s(|report| report.bytes_up_per_bot_s));
        let machines = |target: u64| MachinesFor { target, machines: target.div_ceil(u64::from(knee.holds)) };
        Self {
            schema: SCHEMA,
            setting: RunSetting::default(),
            players: knee.holds,
            breaks_at: knee.breaks,
            players_per_core: server.and_then(|server| per(server.cpu_cores?)),
            players_per_gib: server.and_then(|server| per(server.rss_mb? / GIB_MB)),
            kb_s_per_player: round(down + up),
            kb_s_down_per_player: round(down),
            kb_s_up_per_player: round(up),
            machines_for: target.filter(|_| knee.holds > 0).map(machines),
            limit: limit.filter(|_| knee.breaks.is_some()),
            tries,
        }
    }
}

impl fmt::Display for LoadResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = |value: Option<f64>, digits: usize, unit: &str| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}{unit}"))
        };
        write!(
            f,
            "{:>8}  {:<6}{:>11}{:>8}{:>11}{:>11}",
            self.players,
            if self.held { "holds" } else { "breaks" },
            cell(self.input_ack_ms_p99, 1, " ms"),
            cell(self.cpu_cores, 2, ""),
            cell(self.tick_ms_p99, 2, " ms"),
            cell(self.rss_mb.map(without_negative_zero), 0, " MB")
        )?;
        self.why.iter().try_for_each(|why| write!(f, "  {why}"))
    }
}

impl fmt::Display for CapacityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>8}  {:<6}{:>11}{:>8}{:>11}{:>11}",
            "players", "", "ack p99", "cores", "tick p99", "memory"
        )?;
        self.tries.iter().try_for_each(|each| writeln!(f, "{each}"))?;
        let players = self.players;
        match (players, self.breaks_at) {
            (0, Some(breaks)) => {
                write!(f, "\nno load held each time it was tried; the smallest that broke is {breaks}")?
            }
            (0, None) => write!(f, "\nno load held")?,
            (_, Some(breaks)) => write!(f, "\n{players} players hold, {breaks} do not")?,
            (_, None) => write!(f, "\n{players} players hold, the largest load tried")?,
        }
        if let Some(limit) = self.limit {
            write!(f, "\nlimited by {limit}")?;
        }
        if players == 0 {
            return Ok(());
        }
        let (both, down, up) = (self.kb_s_per_player, self.kb_s_down_per_player, self.kb_s_up_per_player);
        write!(f, "\n{both:.2} kB/s per player: {down:.2} down, {up:.2} up")?;
        if let Some(per_core) = self.players_per_core {
            write!(f, "\n{per_core:.0} players per busy core")?;
        }
        if let Some(per_gib) = self.players_per_gib {
            write!(f, "\n{per_gib:.0} players per GiB of memory")?;
        }
        if let Some(MachinesFor { target, machines }) = self.machines_for {
            let s = if machines == 1 { "" } else { "s" };
            write!(f, "\n{target} players need {machines} such server{s}, with no headroom")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, ServerFigures};

    fn report(verdict: Verdict) -> Report {
        let server = ServerFigures {
            cpu_cores: Some(1.6),
            rss_mb: Some(536.870_912),
            tick_ms_p99: Some(4.25),
            ..ServerFigures::default()
        };
        Report {
            verdict,
            why: vec!["input_ack_ms.p99 was 91.2".to_owned()],
            input_ack_ms: Some(Percentiles { p99: 60.04, ..Percentiles::default() }),
            seconds: 20.0,
            warm_up_s: 5.0,
            bot_seconds: 840.0 * 15.0,
            bytes_down_per_bot_s: Some(5400.0),
            bytes_up_per_bot_s: Some(1900.0),
            server: Some(server),
            ..Report::default()
        }
    }

    #[test]
    fn a_load_does_not_hold_if_too_few_bots_got_a_seat() {
        let mut run = report(Verdict::Pass);
        assert!(LoadResult::of(800, &run).held);
        run.bot_seconds = 4.0 * 15.0;
        run.why.clear();
        let tried = LoadResult::of(800, &run);
        assert!(!tried.held && tried.why.unwrap().contains("only 4.0 of 800"));
    }

    fn capacity_report(knee: Knee) -> CapacityReport {
        let (held, broke) = (report(Verdict::Pass), report(Verdict::Fail));
        let tries = vec![LoadResult::of(800, &held), LoadResult::of(840, &broke)];
        CapacityReport::new(knee, Some(&held), Some(Bottleneck::Tick), Some(100_000), tries)
    }

    #[test]
    fn the_costs_per_player_are_those_at_the_knee() {
        let answer = capacity_report(Knee { holds: 800, breaks: Some(840) });
        assert_eq!((answer.players_per_core, answer.players_per_gib), (Some(500.0), Some(1600.0)));
        assert_eq!(answer.kb_s_per_player, 7.3);
        assert_eq!(answer.machines_for, Some(MachinesFor { target: 100_000, machines: 125 }));
        assert_eq!(
            answer.to_string(),
            concat!(
                " players            ack p99   cores   tick p99     memory\n",
                "     800  holds     60.0 ms    1.60    4.25 ms     537 MB\n",
                "     840  breaks    60.0 ms    1.60    4.25 ms     537 MB  input_ack_ms.p99 was 91.2\n",
                "\n",
                "800 players hold, 840 do not\n",
                "limited by the tick: a room's tick takes nearly its whole period, while cores are idle\n",
                "7.30 kB/s per player: 5.40 down, 1.90 up\n",
                "500 players per busy core\n",
                "1600 players per GiB of memory\n",
                "100000 players need 125 such servers, with no headroom",
            )
        );
    }

    #[test]
    fn the_number_of_machines_is_rounded_up() {
        let answer = capacity_report(Knee { holds: 99_999, breaks: None });
        assert_eq!(answer.machines_for.map(|machines| machines.machines), Some(2));
        assert_eq!(answer.limit, None, "no load broke");
        assert!(answer.to_string().contains("the largest load tried"));
    }

    #[test]
    fn a_search_in_which_no_load_held_has_no_costs() {
        let answer = capacity_report(Knee { holds: 0, breaks: Some(1) });
        assert_eq!(answer.machines_for, None);
        assert!(answer.to_string().contains("no load held") && !answer.to_string().contains("per player"));
    }

    #[test]
    fn a_server_without_metrics_has_no_resource_costs() {
        let report = Report { server: None, ..report(Verdict::Pass) };
        let knee = Knee { holds: 800, breaks: None };
        let answer = CapacityReport::new(knee, Some(&report), None, None, vec![LoadResult::of(800, &report)]);
        assert_eq!((answer.players_per_core, answer.players_per_gib), (None, None));
        assert!(answer.to_string().contains("     800  holds     60.0 ms       -          -          -\n"));
    }
}
