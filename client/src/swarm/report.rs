//! What is said of a run: JSON with stable names for programs, a summary for people.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    server_metrics::ServerFigures,
    stats::{Tally, Times},
};

/// Raised when a field changes its meaning or goes; a new field does not raise it.
const SCHEMA: u32 = 1;

/// How a run went. Rates are over the time that bots had their seats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of this format.
    pub schema: u32,
    /// How many bots were to play.
    pub bots: u64,
    /// How many got a seat.
    pub joined: u64,
    /// How many got none; `closes` says why.
    pub refused: u64,
    /// How many lost their seat before the run ended.
    pub disconnected: u64,
    /// How long the run took.
    pub seconds: f64,
    /// Snapshots applied, per bot and second.
    pub snapshots_per_bot_s: f64,
    /// From the intended sending of an input to the first snapshot that says it was used; `None` when there was none.
    pub input_ack_ms: Option<Percentiles>,
    /// From when a bot should have come to its seat; `None` when nobody joined.
    pub join_ms: Option<Percentiles>,
    /// UDP payload received, per bot and second.
    pub bytes_down_per_bot_s: f64,
    /// UDP payload sent, per bot and second.
    pub bytes_up_per_bot_s: f64,
    /// What the bots did.
    pub game: GameFigures,
    /// Snapshots that were never applied: lost, or overtaken.
    pub snapshots_lost: u64,
    /// Events that never came: 0, or it is a bug.
    pub events_lost: u64,
    /// Events that came twice: 0, or it is a bug.
    pub events_doubled: u64,
    /// How connections ended, by reason.
    pub closes: BTreeMap<&'static str, u64>,
    /// What the server said of itself, when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerFigures>,
    /// The first thing that went wrong, for a person to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A distribution of times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50: f64,
    /// Nine of ten are.
    pub p90: f64,
    /// 99 of 100 are.
    pub p99: f64,
    /// 999 of 1,000 are.
    pub p999: f64,
    /// All are.
    pub max: f64,
}

/// What the bots did in the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GameFigures {
    /// Weapons used.
    pub shots: u64,
    /// Strikes that met somebody.
    pub hits: u64,
    /// Strikes that somebody fell to.
    pub eliminations: u64,
    /// Matches whose end was seen, each counted once.
    pub matches_finished: u64,
}

impl Report {
    /// The report of a run of `bots` that took `seconds`.
    #[must_use]
    pub fn new(bots: u64, seconds: f64, tally: Tally, server: Option<ServerFigures>) -> Self {
        let played = tally.played.as_secs_f64();
        let per_bot_s = |count: u64| if played > 0.0 { round(count as f64 / played) } else { 0.0 };
        Self {
            schema: SCHEMA,
            bots,
            joined: tally.joined,
            refused: tally.refused,
            disconnected: tally.disconnected,
            seconds: round(seconds),
            snapshots_per_bot_s: per_bot_s(tally.counts.snapshots.applied),
            input_ack_ms: Percentiles::of(&tally.input_ack),
            join_ms: Percentiles::of(&tally.join),
            bytes_down_per_bot_s: per_bot_s(tally.bytes_down),
            bytes_up_per_bot_s: per_bot_s(tally.bytes_up),
            game: GameFigures {
                shots: tally.deeds.shots,
                hits: tally.deeds.hits,
                eliminations: tally.deeds.eliminations,
                matches_finished: tally.deeds.finishes.len() as u64,
            },
            snapshots_lost: tally.counts.snapshots.lost,
            events_lost: tally.counts.events_lost,
            events_doubled: tally.counts.events_doubled,
            closes: tally.closes,
            server,
            trouble: tally.trouble,
        }
    }
}

impl Percentiles {
    /// `None` for an empty histogram: no time is not a time of zero.
    fn of(times: &Times) -> Option<Self> {
        let at = |quantile| round(times.value_at_quantile(quantile) as f64 / 1000.0);
        let max = round(times.max() as f64 / 1000.0);
        (!times.is_empty()).then(|| Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max })
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, max } = self;
        write!(f, "p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1} ms")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} bots, {:.1} s: {} joined, {} refused, {} disconnected",
            self.bots, self.seconds, self.joined, self.refused, self.disconnected
        )?;
        for (name, times) in [("join", self.join_ms), ("input ack", self.input_ack_ms)] {
            match times {
                Some(times) => writeln!(f, "{name:<12}{times}")?,
                None => writeln!(f, "{name:<12}none")?,
            }
        }
        writeln!(
            f,
            "{:<12}{:.1} snapshots/s, {:.0} B/s down, {:.0} B/s up; {} snapshots lost",
            "per bot",
            self.snapshots_per_bot_s,
            self.bytes_down_per_bot_s,
            self.bytes_up_per_bot_s,
            self.snapshots_lost
        )?;
        let GameFigures { shots, hits, eliminations, matches_finished } = self.game;
        write!(
            f,
            "{:<12}{shots} shots, {hits} hits, {eliminations} eliminations, {matches_finished} matches finished",
            "game"
        )?;
        if let Some(server) = &self.server {
            write!(f, "\n{:<12}{server}", "server")?;
        }
        if self.events_lost + self.events_doubled > 0 {
            write!(
                f,
                "\n{:<12}{} events lost, {} doubled: a bug",
                "events", self.events_lost, self.events_doubled
            )?;
        }
        if self.refused + self.disconnected > 0 {
            let closes: Vec<_> =
                self.closes.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            write!(f, "\n{:<12}{}", "closes", closes.join(", "))?;
            if let Some(trouble) = &self.trouble {
                write!(f, "\n{:<12}{trouble}", "first")?;
            }
        }
        Ok(())
    }
}

/// Three digits behind the point are more than any of this is exact to.
pub(super) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::swarm::stats::BotRecord;

    #[test]
    fn rates_are_over_the_time_that_bots_had_their_seats() {
        let mut tally = Tally::new();
        for played_s in [10, 30] {
            let mut bot = BotRecord::new();
            bot.join = Some(Duration::from_millis(12));
            bot.played = Duration::from_secs(played_s);
            bot.bytes_down = played_s * 4000;
            bot.counts.snapshots.applied = played_s * 30;
            tally.push(bot);
        }
        let report = Report::new(2, 31.0, tally, None);
        assert_eq!((report.snapshots_per_bot_s, report.bytes_down_per_bot_s), (30.0, 4000.0));
    }

    #[test]
    fn a_run_in_which_nobody_joined_has_a_report_without_times() {
        let mut tally = Tally::new();
        tally.push(BotRecord { trouble: Some("nobody answered".to_owned()), ..BotRecord::new() });
        let report = Report::new(1, 5.0, tally, None);
        assert_eq!((report.refused, report.join_ms, report.snapshots_per_bot_s), (1, None, 0.0));
        assert!(report.to_string().contains("nobody answered"), "{report}");
    }

    #[test]
    fn the_names_in_the_json_are_those_that_programs_read() {
        let json = serde_json::to_value(Report::new(0, 0.0, Tally::new(), None)).unwrap();
        for name in ["schema", "bots", "joined", "refused", "disconnected", "seconds", "snapshots_per_bot_s"]
        {
            assert!(json.get(name).is_some(), "{name}");
        }
        for name in ["input_ack_ms", "join_ms", "bytes_down_per_bot_s", "bytes_up_per_bot_s", "game"] {
            assert!(json.get(name).is_some(), "{name}");
        }
    }
}
