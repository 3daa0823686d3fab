//! What a search for capacity comes to: the loads that were tried, and what follows for somebody who has to buy machines.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Knee, Limit};
use crate::report::{Report, Setting, Verdict, round, tidy};

/// One GiB in megabytes of 10^6, in which reports say memory.
const GIB_MB: f64 = 1_073.741_824;

/// The share of a load that must have had a seat, over the measured part of its run: a few may come late, or again.
const SEATED: f64 = 0.97;

/// Raised when a field of an answer changes its meaning or goes; a new field does not raise it.
pub const SCHEMA: u32 = 1;

/// How many players a server carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The version of this format.
    pub schema: u32,
    /// What was run, and where; when it began and its plan are those of the first load.
    pub setting: Setting,
    /// The greatest load that held whenever it was tried; 0 when none did.
    pub players: u32,
    /// The least load that did not hold; none when the most that was to be tried did.
    pub breaks_at: Option<u32>,
    /// Players for each core that the server kept busy; none when it was not asked.
    pub players_per_core: Option<f64>,
    /// Players for each GiB of RAM that the server used, what it uses without players included; none when it was not asked.
    pub players_per_gib: Option<f64>,
    /// UDP payload per player in both directions, in kilobytes of 1,000 a second.
    pub kb_s_per_player: f64,
    /// Of it, what the player receives.
    pub kb_s_down_per_player: f64,
    /// Of it, what the player sends.
    pub kb_s_up_per_player: f64,
    /// How many such servers a target needs, when there is one and anything held.
    pub machines_for: Option<MachinesFor>,
    /// What stood in the way of more; none when nothing broke.
    pub limit: Option<Limit>,
    /// The loads that were tried, in order.
    pub tries: Vec<Try>,
}

/// How many servers a number of players needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachinesFor {
    /// How many players.
    pub target: u64,
    /// How many servers, each as full as the one that was tried, and none to spare.
    pub machines: u64,
}

/// One load, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Try {
    /// How many players.
    pub players: u32,
    /// Whether all rules held.
    pub held: bool,
    /// The first reason why not.
    pub why: Option<String>,
    /// 99 of 100 inputs were acknowledged within this.
    pub input_ack_ms_p99: Option<f64>,
    /// How many cores the server kept busy.
    pub cpu_cores: Option<f64>,
    /// 99 of 100 ticks took at most this.
    pub tick_ms_p99: Option<f64>,
    /// The server's memory in RAM, in megabytes of 10^6.
    pub rss_mb: Option<f64>,
}

impl Try {
    /// How a run with so many players went. A load that did not come about does not hold, whatever the rules say of the few who played.
    #[must_use]
    pub fn of(players: u32, report: &Report) -> Self {
        let seated = report.bot_seconds / (report.seconds - report.warm_up_s).max(f64::MIN_POSITIVE);
        let came = seated >= SEATED * f64::from(players);
        let held = report.verdict == Verdict::Pass && came;
        let absent = (!came).then(|| format!("only {seated:.1} of {players} had a seat, on average"));
        let server = report.server.as_ref();
        Self {
            players,
            held,
            why: report.why.first().cloned().or(absent).filter(|_| !held),
            input_ack_ms_p99: report.input_ack_ms.map(|times| times.p99),
            cpu_cores: server.and_then(|server| server.cpu_cores),
            tick_ms_p99: server.and_then(|server| server.tick_ms_p99),
            rss_mb: server.and_then(|server| server.rss_mb),
        }
    }
}

impl Answer {
    /// What was found, of no setting yet: the knee, the report of a run at it, what limited it, and how many players there are to be.
    #[must_use]
    pub fn new(
        knee: Knee,
        at_knee: Option<&Report>,
        limit: Option<Limit>,
        target: Option<u64>,
        tries: Vec<Try>,
    ) -> Self {
        let players = f64::from(knee.holds);
        let server = at_knee.and_then(|report| report.server);
        let per = |used: f64| (used > 0.0).then(|| round(players / used));
        // A load that held was played.
        let kb_s = |of: fn(&Report) -> Option<f64>| at_knee.and_then(of).unwrap_or_default() / 1000.0;
        let (down, up) =
            (kb_s(|report| report.bytes_down_per_bot_s), kb_s(|report| report.bytes_up_per_bot_s));
        let machines = |target: u64| MachinesFor { target, machines: target.div_ceil(u64::from(knee.holds)) };
        Self {
            schema: SCHEMA,
            setting: Setting::default(),
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

impl fmt::Display for Try {
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
            cell(self.rss_mb.map(tidy), 0, " MB")
        )?;
        self.why.iter().try_for_each(|why| write!(f, "  {why}"))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>8}  {:<6}{:>11}{:>8}{:>11}{:>11}",
            "players", "", "ack p99", "cores", "tick p99", "memory"
        )?;
        self.tries.iter().try_for_each(|each| writeln!(f, "{each}"))?;
        let players = self.players;
        match (players, self.breaks_at) {
            (0, Some(breaks)) => write!(f, "\nno load held; the least that broke is {breaks}")?,
            (0, None) => write!(f, "\nno load held")?,
            (_, Some(breaks)) => write!(f, "\n{players} players hold, {breaks} do not")?,
            (_, None) => write!(f, "\n{players} players hold, the most that was tried")?,
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
            write!(f, "\n{per_core:.0} players per core that was busy")?;
        }
        if let Some(per_gib) = self.players_per_gib {
            write!(f, "\n{per_gib:.0} players per GiB of memory that was used")?;
        }
        if let Some(MachinesFor { target, machines }) = self.machines_for {
            let s = if machines == 1 { "" } else { "s" };
            write!(f, "\n{target} players need {machines} such server{s}, with none to spare")?;
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
    fn a_load_that_did_not_come_about_does_not_hold() {
        let mut four = report(Verdict::Pass);
        assert!(Try::of(800, &four).held);
        four.bot_seconds = 4.0 * 15.0;
        four.why.clear();
        let tried = Try::of(800, &four);
        assert!(!tried.held && tried.why.unwrap().contains("only 4.0 of 800"));
    }

    fn answer(knee: Knee) -> Answer {
        let (held, broke) = (report(Verdict::Pass), report(Verdict::Fail));
        let tries = vec![Try::of(800, &held), Try::of(840, &broke)];
        Answer::new(knee, Some(&held), Some(Limit::Tick), Some(100_000), tries)
    }

    #[test]
    fn a_knee_says_what_a_player_costs() {
        let answer = answer(Knee { holds: 800, breaks: Some(840) });
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
                "limited by the tick: a room takes nearly as long for one as there is time, while cores are left\n",
                "7.30 kB/s per player: 5.40 down, 1.90 up\n",
                "500 players per core that was busy\n",
                "1600 players per GiB of memory that was used\n",
                "100000 players need 125 such servers, with none to spare",
            )
        );
    }

    #[test]
    fn a_part_of_a_machine_is_a_machine() {
        let answer = answer(Knee { holds: 99_999, breaks: None });
        assert_eq!(answer.machines_for.map(|machines| machines.machines), Some(2));
        assert_eq!(answer.limit, None, "nothing broke");
        assert!(answer.to_string().contains("the most that was tried"));
    }

    #[test]
    fn where_nothing_held_nothing_is_promised() {
        let answer = answer(Knee { holds: 0, breaks: Some(1) });
        assert_eq!(answer.machines_for, None);
        assert!(answer.to_string().contains("no load held") && !answer.to_string().contains("per player"));
    }

    #[test]
    fn a_server_that_was_not_asked_has_no_cost() {
        let report = Report { server: None, ..report(Verdict::Pass) };
        let knee = Knee { holds: 800, breaks: None };
        let answer = Answer::new(knee, Some(&report), None, None, vec![Try::of(800, &report)]);
        assert_eq!((answer.players_per_core, answer.players_per_gib), (None, None));
        assert!(answer.to_string().contains("     800  holds     60.0 ms       -          -          -\n"));
    }
}
