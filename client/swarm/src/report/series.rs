//! The parts of a report that are plotted: figures of each second, and distributions as curves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::percentiles::Percentiles;

/// Figures of one second of the run. A measured time counts in the second in which it began by the schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Second")]
pub struct SecondFigures {
    /// Index of the second; 0 is the first.
    pub at_s: u32,
    /// Whether the second is in the measured part.
    pub measured: bool,
    /// Average number of seated bots.
    pub bots: f64,
    /// Number of bots that should play by the plan, in the middle of the second.
    pub bots_wanted: u64,
    /// Number of bots that got a seat.
    pub joins: u64,
    /// Number of closed connections, lost seats and refused bots, for any reason.
    pub closes: u64,
    /// Number of broken connections that were resumed on the same seat.
    pub resumes: u64,
    /// Time from the scheduled send of an input to its acknowledgement, in milliseconds.
    pub input_ack_ms: Option<Percentiles>,
    /// Age of the newest snapshot at each scheduled send of an input, in milliseconds.
    pub snapshot_age_ms: Option<Percentiles>,
    /// Time between two applied snapshots, in milliseconds.
    pub snapshot_gap_ms: Option<Percentiles>,
    /// Number of applied snapshots.
    pub snapshots: u64,
    /// Number of snapshots that were never applied.
    pub snapshots_lost: u64,
    /// Share of scheduled sends at which the other players' entities stood still because no newer snapshot had arrived, in percent.
    pub frozen_percent: Option<f64>,
    /// UDP payload received, in bytes.
    pub bytes_down: u64,
    /// UDP payload sent, in bytes.
    pub bytes_up: u64,
    /// 99th percentile of the lateness at the swarm's own deadlines, in milliseconds.
    pub lag_ms_p99: f64,
    /// Average number of cores that the swarm kept busy.
    pub swarm_cores: f64,
    /// The server's own figures in this second, when `--server-http` is given.
    pub server: Option<ServerSecond>,
}

/// The server's own figures in one second; null where the server does not export them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSecond {
    /// Average number of busy cores.
    pub cpu_cores: Option<f64>,
    /// Resident memory, in megabytes of 10^6 bytes.
    pub rss_mb: Option<f64>,
    /// 99th percentile of the tick duration, in milliseconds; null when no room ticked.
    pub tick_ms_p99: Option<f64>,
    /// Longest tick, in milliseconds: exact if the server exports it, otherwise the upper bound of its histogram bucket.
    pub tick_ms_max: Option<f64>,
    /// Number of ticks that took longer than their period.
    pub overruns: Option<u64>,
}

/// Distributions as curves of value by percentile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curves {
    /// Time from the scheduled send of an input to its acknowledgement, in milliseconds.
    pub input_ack_ms: Vec<CurvePoint>,
    /// Age of the newest snapshot at each scheduled send of an input, in milliseconds.
    pub snapshot_age_ms: Vec<CurvePoint>,
    /// Time between two applied snapshots, in milliseconds.
    pub snapshot_gap_ms: Vec<CurvePoint>,
    /// Time from a bot's scheduled start to its seat over the whole run, in milliseconds.
    pub join_ms: Vec<CurvePoint>,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Percentile, from 0 to 100.
    pub percentile: f64,
    /// Value at this percentile, in the unit of the curve.
    pub value: f64,
}
