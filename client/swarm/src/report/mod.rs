//! What is said of a run: one value with stable names, from which the JSON, the summary, the page and the rules are made.
//!
//! Rates and distributions are those of the measured part of the run, from the warm-up on; what happens once to a bot (it joins, is
//! refused, its connection ends) is counted all the time. `swarm schema` prints this format as a JSON schema, these sentences
//! included.

mod series;
mod summary;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::series::{CurvePoint, Curves, Second, ServerSecond};
pub(super) use self::summary::told;
use super::measure::Distribution;

/// Raised when a field changes its meaning or goes; a new field does not raise it.
pub const SCHEMA: u32 = 2;

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this format.
    pub schema: u32,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, a sentence each; empty for a pass.
    pub why: Vec<String>,
    /// The rules, in the order given, and what became of them.
    pub slo: Vec<RuleResult>,
    /// What was run, and where.
    pub setting: Setting,
    /// How many bots were to come, those that replace others included.
    pub bots: u64,
    /// How many bots were to play at once, at most.
    pub bots_at_once: u64,
    /// How many got a seat.
    pub joined: u64,
    /// How many got none; `closes` says why.
    pub refused: u64,
    /// How many lost their seat before they were to leave.
    pub disconnected: u64,
    /// How often a broken connection was followed by another one on the same seat.
    pub resumes: u64,
    /// How long the run took.
    pub seconds: f64,
    /// How much of its beginning is left out of rates and distributions.
    pub warm_up_s: f64,
    /// How long all bots together had their seats in the measured part.
    pub bot_seconds: f64,
    /// Steps a second in the rooms that bots joined; 0 when none did.
    pub tick_hz: u32,
    /// Snapshots applied, per bot and second.
    pub snapshots_per_bot_s: Option<f64>,
    /// From the moment at which an input was meant to be sent to the first snapshot that says that it, or a later one, was used.
    /// Moments at which a bot should have sent and could not count as well.
    pub input_ack_ms: Option<Percentiles>,
    /// How old the newest snapshot was at each moment at which an input was meant to be sent, counted from half a round trip before it
    /// came.
    pub snapshot_age_ms: Option<Percentiles>,
    /// From one applied snapshot to the next.
    pub snapshot_gap_ms: Option<Percentiles>,
    /// From when a bot was meant to come to its seat; of the whole run. Whoever was never answered counts with the time that it waited.
    pub join_ms: Option<Percentiles>,
    /// How far a bot's own things were from where they had been predicted, when they were.
    pub correction_units: Option<Percentiles>,
    /// Corrections, per bot and minute.
    pub corrections_per_bot_min: Option<f64>,
    /// The share of moments, in per cent, at which all others stood still on a bot's screen for want of snapshots.
    pub frozen_percent: Option<f64>,
    /// UDP payload received, per bot and second.
    pub bytes_down_per_bot_s: Option<f64>,
    /// UDP payload sent, per bot and second.
    pub bytes_up_per_bot_s: Option<f64>,
    /// Inputs that were meant to be sent.
    pub inputs: u64,
    /// Those of which no snapshot ever said that they were used, a second and more after they were meant to be sent. They are in
    /// `input_ack_ms` with the time that was waited in vain.
    pub inputs_unacked: u64,
    /// Snapshots that were never applied: lost, or overtaken.
    pub snapshots_lost: u64,
    /// Their share of all, in per cent.
    pub snapshots_lost_percent: Option<f64>,
    /// Events that never came: 0, or it is a bug.
    pub events_lost: u64,
    /// Events that came twice: 0, or it is a bug.
    pub events_doubled: u64,
    /// How connections ended, by reason.
    pub closes: BTreeMap<String, u64>,
    /// What the bots did.
    pub game: GameFigures,
    /// The same for each group of bots, by name, where there is more than one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, GroupFigures>,
    /// Those who were sent to do harm, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hostile: BTreeMap<String, HostileFigures>,
    /// What the server said of itself, when it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerFigures>,
    /// What the swarm cost, and whether it kept its own schedule.
    pub swarm: SwarmFigures,
    /// The first thing that went wrong, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What happened and when, in order.
    pub incidents: Vec<Incident>,
    /// The run second by second.
    pub series: Vec<Second>,
    /// Distributions as curves: how much is at most what.
    pub curves: Curves,
    /// How this run differs from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Comparison>,
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All rules held, and the swarm kept its schedule.
    Pass,
    /// A rule was broken.
    Fail,
    /// Nothing can be said: nobody played, or the swarm itself was too slow.
    #[default]
    Invalid,
    /// Somebody ended it early.
    Aborted,
}

/// One rule, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleResult {
    /// As it was given.
    pub rule: String,
    /// What the figure was; none when nothing was measured, which breaks the rule.
    pub value: Option<f64>,
    /// What it was held against, worked out where the rule names the baseline; none when that has no such figure.
    #[serde(default)]
    pub limit: Option<f64>,
    /// Whether it held.
    pub ok: bool,
}

/// What was run, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// When it began, in seconds since 1970.
    pub started_unix_s: u64,
    /// The version of the swarm.
    pub version: String,
    /// The system and machine that the swarm ran on.
    pub host: String,
    /// How many cores it has.
    pub cores: u64,
    /// The server that was played on.
    pub server: String,
    /// Its version, when it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The plan, as a file that makes the same run.
    pub plan: String,
    /// How many processes played; 1 without agents.
    pub processes: u64,
}

/// A distribution: percentiles, as often as not in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How many there were.
    pub count: u64,
}

/// What the bots did in the game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// How it went for one group of bots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupFigures {
    /// How many of them got a seat.
    pub joined: u64,
    /// How many of them lost their seat before they were to leave.
    pub disconnected: u64,
    /// How often a broken connection of theirs was followed by another one on the same seat.
    pub resumes: u64,
    /// From the moment at which one of their inputs was meant to be sent to the first snapshot that says that it, or a later one, was
    /// used.
    pub input_ack_ms: Option<Percentiles>,
    /// How old their newest snapshot was at each moment at which an input was meant to be sent.
    pub snapshot_age_ms: Option<Percentiles>,
    /// From one snapshot that one of them applied to the next.
    pub snapshot_gap_ms: Option<Percentiles>,
    /// The share of moments, in per cent, at which all others stood still on their screens for want of snapshots.
    pub frozen_percent: Option<f64>,
    /// The share of their snapshots, in per cent, that were never applied: lost, or overtaken.
    pub snapshots_lost_percent: Option<f64>,
}

/// What one kind of hostile bots did, and what the server did about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostileFigures {
    /// How often one of them came.
    pub lives: u64,
    /// How many packets or messages they sent.
    pub sent: u64,
    /// How their connections ended, by reason.
    pub closes: BTreeMap<String, u64>,
}

/// The server's own figures over the measured part; none of what it did not tell. Where it was restarted meanwhile, they are of the time
/// before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerFigures {
    /// CPU time in milliseconds, per bot and second.
    pub cpu_ms_per_player_s: Option<f64>,
    /// How many cores it kept busy, on average.
    pub cpu_cores: Option<f64>,
    /// How many cores its machine has.
    pub cores: Option<u64>,
    /// Memory in RAM at the end, in megabytes of 10^6.
    pub rss_mb: Option<f64>,
    /// Memory of its machine, in megabytes of 10^6.
    pub machine_mb: Option<f64>,
    /// 99 of 100 ticks took at most this, in milliseconds.
    pub tick_ms_p99: Option<f64>,
    /// How long the longest tick took, in milliseconds; of a server that remembers none, the upper end of its bucket, and none where that
    /// has no end.
    pub tick_ms_max: Option<f64>,
    /// Ticks that took longer than their period.
    pub overruns: Option<u64>,
    /// Ticks that were let go because a room had fallen too far behind.
    pub slips: Option<u64>,
    /// How many times it was asked and gave no answer.
    pub unanswered: u64,
}

/// What the swarm itself cost, and whether it kept its schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwarmFigures {
    /// How late 99 of 100 of its own deadlines were met, at most, in milliseconds.
    pub lag_ms_p99: f64,
    /// How late the latest one was.
    pub lag_ms_max: f64,
    /// CPU time in milliseconds, per bot and second.
    pub cpu_ms_per_bot_s: Option<f64>,
    /// How busy its busiest thread was in its busiest second, in per cent of a core.
    pub busiest_thread_percent: f64,
    /// Memory in RAM, of all its processes together, in megabytes of 10^6.
    pub rss_mb: f64,
    /// How many threads the bots shared, in all processes together.
    pub threads: u64,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// When, in seconds after the run's start.
    pub at_s: f64,
    /// What, in a sentence.
    pub what: String,
}

/// How a run differs from another one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The other run's report.
    pub file: String,
    /// When the other run began, in seconds since 1970.
    pub started_unix_s: u64,
    /// The figures that both have, by name.
    pub figures: BTreeMap<String, Delta>,
}

/// One figure of two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// What it was then.
    pub then: f64,
    /// What it is now.
    pub now: f64,
    /// By how much it rose, in per cent of then; none when it was 0 then.
    pub percent: Option<f64>,
}

impl Percentiles {
    /// Those of a distribution in thousandths; `None` for an empty one: no time is not a time of zero.
    #[must_use]
    pub fn of(distribution: &Distribution) -> Option<Self> {
        let at = |quantile| distribution.quantile(quantile) as f64 / 1000.0;
        (!distribution.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: distribution.max() as f64 / 1000.0,
            count: distribution.count(),
        })
    }
}

/// What rounds to zero from below is zero: `-0` is no number to people.
pub(super) fn tidy(value: f64) -> f64 {
    if (-0.5..=0.0).contains(&value) { 0.0 } else { value }
}

/// Three digits behind the point are more than any of this is exact to.
pub(super) fn round(value: f64) -> f64 {
    tidy(value * 1000.0).round() / 1000.0
}
