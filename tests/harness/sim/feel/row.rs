//! The figures of one link, as a row of the table.

use serde::Serialize;

/// The quality of play over one link: a row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feel {
    /// The link's name.
    pub link: String,
    /// The share of ticks that used the player's input, among the ticks of received snapshots: none during a black-out.
    pub inputs_on_tick: f64,
    /// The snapshots per minute that moved a player's own fighter from its predicted position.
    pub corrections_per_min: f64,
    /// The size of those corrections at the 99th percentile, in units.
    pub correction_units_p99: f64,
    /// The age of the drawn state of other entities at the median.
    pub drawn_age_ms_p50: f64,
    /// The age of the drawn state of other entities at the 99th percentile.
    pub drawn_age_ms_p99: f64,
    /// The share of drawn frames that were extrapolated, because no later view had arrived.
    pub extrapolated_share: f64,
    /// The share of drawn frames that were frozen, black-outs included.
    pub frozen_share: f64,
    /// The share of longbow shots that hit on the server, among those that hit on the shooter's screen.
    pub hits_confirmed: f64,
    /// UDP payload bytes per second to a player.
    pub bytes_down_s: f64,
    /// UDP payload bytes per second from a player.
    pub bytes_up_s: f64,
    /// Events that did not arrive.
    pub events_lost: u64,
    /// Events that arrived twice.
    pub events_doubled: u64,
    /// Longbow shots that hit on the shooter's screen.
    #[serde(skip)]
    pub hits_shown: u64,
    /// Finished matches.
    #[serde(skip)]
    pub matches: usize,
    /// The endings of connections that the player did not close.
    #[serde(skip)]
    pub lost: Vec<String>,
}
