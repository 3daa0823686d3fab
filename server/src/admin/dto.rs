//! The data that the admin HTTP server serves: types of its JSON responses, whose field names are part of the HTTP interface, and the
//! answers of [`AdminBackend`](super::AdminBackend).

use std::net::SocketAddr;

use serde::Serialize;

/// A room, as `/v1/rooms` lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoomListing {
    /// The room's id, with which players join the room.
    pub id: String,
    /// The name of the room's game.
    pub game: &'static str,
    /// The newest completed tick.
    pub tick: u32,
    /// Total seats.
    pub seats: u16,
    /// Seats occupied by players, connected or disconnected.
    pub players: u16,
    /// Seats occupied by bots.
    pub bots: u16,
    /// Ticks per second.
    pub tick_rate: u32,
    /// Whether the room ticks.
    pub state: RoomActivity,
    /// Ticks that took longer than their period, since the room opened.
    pub overruns: u64,
    /// Ticks that were skipped because the room was too late, since the room opened.
    pub slips: u64,
    /// The mean duration of the newest ticks, in milliseconds.
    pub step_ms: f64,
    /// Seconds since the room opened.
    pub age_s: u64,
    /// The file name of the room's journal in the data directory's `journals`; null without a journal.
    pub journal: Option<String>,
}

/// Whether a room ticks: the field `state` of a [`RoomListing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomActivity {
    /// The room creates its world, and its first tick is not complete.
    Opening,
    /// The room ticks.
    Playing,
    /// The room has stopped ticking and writes its last records.
    Stopping,
}

/// The session of one player, as `/v1/players` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlayerListing {
    /// The player's id.
    pub id: String,
    /// The name that the player chose.
    pub name: String,
    /// The id of the player's room; null before the first join.
    pub room: Option<String>,
    /// The seat in that room; null without a room.
    pub seat: Option<u16>,
    /// The current remote address of the connection.
    pub address: SocketAddr,
    /// The smoothed round-trip time, in milliseconds.
    pub rtt_ms: u32,
    /// Seconds since the session connected.
    pub connected_s: u64,
}

/// The response of `/v1/rooms/{id}/mark`: a mark that the room accepted and that is being written to its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The room's id.
    pub room: String,
    /// The tick after which the mark is placed.
    pub tick: u32,
    /// The file name of the journal, as in [`RoomListing::journal`].
    pub journal: String,
    /// The mark's number in that journal, from 1, for `quarrel replay slice --around`.
    pub mark: u32,
}

/// Reasons for which a moment was not marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkRefusal {
    /// No room has this id.
    NoRoom,
    /// The room's journal does not record the newest tick; the text is the reason.
    NotWritten(String),
    /// The room cannot take the request now, or does not answer in time; the text is the reason.
    Busy(String),
}

/// Whether the server admits another player, and the reason why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The server admits another player.
    Ready,
    /// The server refuses players: the configured maximum of sessions exists, or every room is full and the maximum of rooms runs.
    Full,
    /// The server refuses players: it is stopping.
    Stopping,
}

/// The response of `/v1/rooms`.
#[derive(Debug, Serialize)]
pub(super) struct RoomsBody {
    pub(super) rooms: Vec<RoomListing>,
}

/// The response of `/v1/players`.
#[derive(Debug, Serialize)]
pub(super) struct PlayersBody {
    pub(super) players: Vec<PlayerListing>,
}

/// The response of `/v1/certificate`.
#[derive(Debug, Serialize)]
pub(super) struct CertificateBody {
    pub(super) sha256: String,
}

/// The response of `/livez`, `/readyz` or `/startupz` with status 200.
#[derive(Debug, Serialize)]
pub(super) struct HealthBody {
    pub(super) status: &'static str,
}
