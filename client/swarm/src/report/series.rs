//! The parts of a report that are made to be plotted: the run second by second, and distributions as curves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Percentiles;

/// One second of the run. Times are attributed to the second in which they were meant to begin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Second {
    /// Which: 0 is the first.
    pub at_s: u32,
    /// Whether it is in the measured part.
    pub measured: bool,
    /// Bots on a seat, on average.
    pub bots: f64,
    /// Bots that the plan wants there in its middle.
    pub bots_wanted: u64,
    /// Bots that got a seat.
    pub joins: u64,
    /// Connections that ended, for whatever reason.
    pub closes: u64,
    /// Connections that were followed by another one on the same seat.
    pub resumes: u64,
    /// As `input_ack_ms` of the whole run.
    pub input_ack_ms: Option<Percentiles>,
    /// As `snapshot_age_ms` of the whole run.
    pub snapshot_age_ms: Option<Percentiles>,
    /// As `snapshot_gap_ms` of the whole run.
    pub snapshot_gap_ms: Option<Percentiles>,
    /// Snapshots applied.
    pub snapshots: u64,
    /// Snapshots that were never applied.
    pub snapshots_lost: u64,
    /// The share of moments, in per cent, at which all stood still on a screen.
    pub frozen_percent: Option<f64>,
    /// UDP payload received.
    pub bytes_down: u64,
    /// UDP payload sent.
    pub bytes_up: u64,
    /// How late the swarm met 99 of 100 of its own deadlines, at most.
    pub lag_ms_p99: f64,
    /// How many cores the swarm kept busy.
    pub swarm_cores: f64,
    /// What the server said of itself in this second.
    pub server: Option<ServerSecond>,
}

/// The server in one second; none of what it did not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSecond {
    /// How many cores it kept busy.
    pub cpu_cores: Option<f64>,
    /// Memory in RAM, in megabytes of 10^6.
    pub rss_mb: Option<f64>,
    /// 99 of 100 ticks took at most this, in milliseconds; none when no room ticked.
    pub tick_ms_p99: Option<f64>,
    /// How long the longest tick took, at most.
    pub tick_ms_max: Option<f64>,
    /// Ticks that took longer than their period.
    pub overruns: Option<u64>,
}

/// Distributions as curves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curves {
    /// As `input_ack_ms` of the whole run.
    pub input_ack_ms: Vec<CurvePoint>,
    /// As `snapshot_age_ms` of the whole run.
    pub snapshot_age_ms: Vec<CurvePoint>,
    /// As `snapshot_gap_ms` of the whole run.
    pub snapshot_gap_ms: Vec<CurvePoint>,
    /// As `join_ms` of the whole run.
    pub join_ms: Vec<CurvePoint>,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// How many of 100.
    pub percentile: f64,
    /// Are at most this.
    pub value: f64,
}
