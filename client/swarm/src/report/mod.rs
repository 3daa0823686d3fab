//! The report of a run: one value with stable field names. The JSON file, the text summary and the HTML page are made from it, and rules
//! name its fields.
//!
//! Rates and distributions cover the measured part of the run, which begins after the warm-up. Joins, refusals, lost seats and closed
//! connections are counted over the whole run. `swarm schema` prints this format as a JSON schema; the doc comments below are its
//! descriptions.

pub(crate) mod assemble;
pub mod compare;
pub mod junit;
pub mod page;
mod percentiles;
mod rounding;
mod series;
mod summary;
mod verdict;

#[cfg(test)]
mod schema_coverage;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::{
    percentiles::Percentiles,
    series::{CurvePoint, Curves, SecondFigures, ServerSecond},
};
pub(super) use self::{
    rounding::{round, without_negative_zero},
    summary::decimals,
};

/// Version of the report format: incremented when a field is removed or changes its meaning, not when a field is added.
pub const SCHEMA: u32 = 2;

/// The result of one load test run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub schema: u32,
    /// Verdict of the run.
    pub verdict: Verdict,
    /// Reasons for the verdict, one sentence each; empty for a pass.
    pub why: Vec<String>,
    /// Rules in the order given, with their results.
    pub slo: Vec<RuleResult>,
    /// Environment and plan of the run.
    pub setting: RunSetting,
    /// Number of bots in the plan, including those that replace others.
    pub bots: u64,
    /// Largest number of bots that the plan has playing at once.
    pub bots_at_once: u64,
    /// Number of bots that got a seat.
    pub joined: u64,
    /// Number of bots that got no seat; `closes` has the reasons.
    pub refused: u64,
    /// Number of times that a bot lost its seat before its end by the plan.
    pub disconnected: u64,
    /// Number of broken connections that were resumed on the same seat.
    pub resumes: u64,
    /// Duration of the run, in seconds.
    pub seconds: f64,
    /// Length of the warm-up, which rates and distributions exclude, in seconds.
    pub warm_up_s: f64,
    /// Sum of the time that bots held a seat in the measured part, in seconds.
    pub bot_seconds: f64,
    /// Tick rate of the rooms that bots joined, in hertz; 0 when no bot joined.
    pub tick_hz: u32,
    /// Applied snapshots per bot and second.
    pub snapshots_per_bot_s: Option<f64>,
    /// Time from the scheduled send of an input to the first snapshot that acknowledges it or a later one, in milliseconds. Inputs that a
    /// bot was due to send and could not are included.
    pub input_ack_ms: Option<Percentiles>,
    /// Age of the newest snapshot at each scheduled send of an input, in milliseconds. Age is counted from half a round trip before the
    /// snapshot arrived.
    pub snapshot_age_ms: Option<Percentiles>,
    /// Time between two applied snapshots, in milliseconds.
    pub snapshot_gap_ms: Option<Percentiles>,
    /// Time from a bot's scheduled start to its seat over the whole run, in milliseconds. A bot that never got an answer counts with the
    /// time that it waited.
    pub join_ms: Option<Percentiles>,
    /// Distance between the predicted and the confirmed position of a bot's own entities at each correction, in world units.
    pub correction_units: Option<Percentiles>,
    /// Prediction corrections per bot and minute.
    pub corrections_per_bot_min: Option<f64>,
    /// Share of scheduled sends at which the other players' entities stood still, because no newer snapshot had arrived, in percent.
    pub frozen_percent: Option<f64>,
    /// UDP payload received per bot and second, in bytes.
    pub bytes_down_per_bot_s: Option<f64>,
    /// UDP payload sent per bot and second, in bytes.
    pub bytes_up_per_bot_s: Option<f64>,
    /// Number of scheduled inputs.
    pub inputs: u64,
    /// Number of scheduled inputs that no snapshot ever acknowledged, although the bot waited for a second or longer, or lost its seat.
    /// They are in `input_ack_ms` with the time waited.
    pub inputs_unacked: u64,
    /// Number of snapshots that were never applied: lost, or overtaken by a newer one.
    pub snapshots_lost: u64,
    /// Share of snapshots that were never applied, in percent.
    pub snapshots_lost_percent: Option<f64>,
    /// Number of reliable events that never arrived; anything but 0 is a bug.
    pub events_lost: u64,
    /// Number of reliable events that arrived twice; anything but 0 is a bug.
    pub events_doubled: u64,
    /// Number of closed connections, lost seats and refused bots, by reason.
    pub closes: BTreeMap<String, u64>,
    /// Actions of the bots in the game.
    pub game: GameFigures,
    /// Figures of each group of bots by name, when there is more than one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, GroupFigures>,
    /// Figures of hostile bots by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hostile: BTreeMap<String, HostileFigures>,
    /// The server's own figures, when `--server-http` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerFigures>,
    /// Resources that the swarm used, and how well it kept its own schedule.
    pub swarm: SwarmFigures,
    /// Earliest incident that a bot met, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Incidents in order of time.
    pub incidents: Vec<Incident>,
    /// Figures of each second.
    pub series: Vec<SecondFigures>,
    /// Distributions as curves of value by percentile.
    pub curves: Curves,
    /// Differences to an older run, when `--baseline` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineComparison>,
}

/// The verdict of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All rules held, and the swarm kept its schedule.
    Pass,
    /// A rule was broken.
    Fail,
    /// The run proves nothing: no bot played, or none at its end, or the swarm itself was too slow, or an agent was lost.
    #[default]
    Invalid,
    /// The run was interrupted.
    Aborted,
}

/// The result of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleResult {
    /// The rule as given.
    pub rule: String,
    /// Value of the figure; null when it was not measured, which breaks the rule.
    pub value: Option<f64>,
    /// Limit of the rule, computed from the baseline if the rule refers to it; null when the baseline has no such figure.
    #[serde(default)]
    pub limit: Option<f64>,
    /// Whether the rule held.
    pub ok: bool,
}

/// The environment and the plan of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Setting")]
pub struct RunSetting {
    /// Start of the run, in seconds since 1970 (UTC).
    pub started_unix_s: u64,
    /// Version of the swarm.
    pub version: String,
    /// Name, operating system and processor of the machine that the swarm ran on.
    pub host: String,
    /// Number of cores of that machine.
    pub cores: u64,
    /// Address of the server.
    pub server: String,
    /// Version of the server, when `--server-http` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The plan in TOML; `swarm run --plan` repeats the run with it.
    pub plan: String,
    /// Number of processes that ran bots; 1 without agents.
    pub processes: u64,
}

impl RunSetting {
    /// Returns the start of the run as a calendar date in UTC, for example `2026-03-01T12:00:00Z`; empty for a date that the calendar
    /// cannot represent.
    #[must_use]
    pub fn started_rfc3339(&self) -> String {
        let unix_s = i64::try_from(self.started_unix_s).ok();
        let date = unix_s.and_then(|unix_s| OffsetDateTime::from_unix_timestamp(unix_s).ok());
        date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_default()
    }
}

/// Actions of the bots in the game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GameFigures {
    /// Number of shots and strikes.
    pub shots: u64,
    /// Number of hits on another player.
    pub hits: u64,
    /// Number of hits that eliminated a player.
    pub eliminations: u64,
    /// Number of finished matches, each counted once.
    pub matches_finished: u64,
}

/// Figures of one group of bots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupFigures {
    /// Number of the group's bots that got a seat.
    pub joined: u64,
    /// Number of times that a bot of the group lost its seat before its end by the plan.
    pub disconnected: u64,
    /// Number of the group's broken connections that were resumed on the same seat.
    pub resumes: u64,
    /// Time from the scheduled send of one of the group's inputs to the first snapshot that acknowledges it or a later one, in
    /// milliseconds.
    pub input_ack_ms: Option<Percentiles>,
    /// Age of the bot's newest snapshot at each scheduled send of one of the group's inputs, in milliseconds.
    pub snapshot_age_ms: Option<Percentiles>,
    /// Time between two snapshots applied by a bot of the group, in milliseconds.
    pub snapshot_gap_ms: Option<Percentiles>,
    /// Share of the group's scheduled sends at which the other players' entities stood still because no newer snapshot had arrived, in
    /// percent.
    pub frozen_percent: Option<f64>,
    /// Share of the group's snapshots that were never applied (lost or overtaken), in percent.
    pub snapshots_lost_percent: Option<f64>,
}

/// Actions of one kind of hostile bots, and the server's reaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostileFigures {
    /// Number of sessions (or half-open handshakes) that bots of this kind started.
    pub lives: u64,
    /// Number of packets or messages sent.
    pub sent: u64,
    /// Number of ended sessions by reason.
    pub closes: BTreeMap<String, u64>,
}

/// The server's own figures over the measured part; null where the server does not export them. When the server was restarted during the
/// run, the figures cover the time before and after the restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerFigures {
    /// CPU time per bot and second, in milliseconds.
    pub cpu_ms_per_player_s: Option<f64>,
    /// Average number of busy cores.
    pub cpu_cores: Option<f64>,
    /// Number of cores of the server's machine.
    pub cores: Option<u64>,
    /// Resident memory at the end of the run, in megabytes of 10^6 bytes.
    pub rss_mb: Option<f64>,
    /// Memory of the server's machine, in megabytes of 10^6 bytes.
    pub machine_mb: Option<f64>,
    /// 99th percentile of the tick duration, in milliseconds.
    pub tick_ms_p99: Option<f64>,
    /// Longest tick, in milliseconds. If the server does not export this figure, the upper bound of the longest tick's histogram bucket;
    /// null when that bucket has no bound.
    pub tick_ms_max: Option<f64>,
    /// Number of ticks that took longer than their period.
    pub overruns: Option<u64>,
    /// Number of ticks skipped because a room had fallen too far behind.
    pub slips: Option<u64>,
    /// Number of metrics requests that failed, over the whole run.
    pub unanswered: u64,
}

/// Resources that the swarm used, and how well it kept its own schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SwarmFigures {
    /// 99th percentile of the lateness at the swarm's own deadlines, in milliseconds: the larger one of its inputs and its timers.
    pub lag_ms_p99: f64,
    /// Largest lateness at one of the swarm's own deadlines, in milliseconds.
    pub lag_ms_max: f64,
    /// CPU time per bot and second, in milliseconds.
    pub cpu_ms_per_bot_s: Option<f64>,
    /// CPU use of the busiest thread in its busiest second, in percent of a core.
    pub busiest_thread_percent: f64,
    /// Resident memory of all the swarm's processes together, in megabytes of 10^6 bytes.
    pub rss_mb: f64,
    /// Number of threads that ran bots, in all processes together.
    pub threads: u64,
}

/// A problem or a planned storm during the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// Time after the start of the run, in seconds.
    pub at_s: f64,
    /// Description, as a sentence.
    pub what: String,
}

/// The differences between this run and an older one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Comparison")]
pub struct BaselineComparison {
    /// File name of the older report.
    pub file: String,
    /// Start of the older run, in seconds since 1970 (UTC).
    pub started_unix_s: u64,
    /// The figures that both reports have, by name.
    pub figures: BTreeMap<String, Delta>,
}

/// One figure of two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// Value in the older run.
    pub then: f64,
    /// Value in this run.
    pub now: f64,
    /// Change in percent of the older value; null when the older value is 0.
    pub percent: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_calendar_dates_in_utc() {
        let started =
            |started_unix_s| RunSetting { started_unix_s, ..RunSetting::default() }.started_rfc3339();
        assert_eq!(started(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(started(u64::MAX), "");
    }
}
