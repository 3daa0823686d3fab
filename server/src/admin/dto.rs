//! The JSON types of the admin HTTP server. Field names are part of its interface.

use std::net::SocketAddr;

use serde::Serialize;

/// One room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomListing {
    /// The id with which players join it.
    pub id: String,
    /// The name of its game.
    pub game: &'static str,
    /// The newest completed tick.
    pub tick: u32,
    /// Total seats.
    pub seats: u16,
    /// Seats occupied by players.
    pub players: u16,
    /// Seats occupied by bots.
    pub bots: u16,
    /// Ticks per second.
    pub tick_rate: u32,
    /// Whether it ticks.
    pub state: RoomActivity,
    /// Ticks that took longer than their period, since the room opened.
    pub overruns: u64,
    /// Seconds since the room opened.
    pub age_s: u64,
    /// The file name of its journal in the data directory's `journals`; null without a journal.
    pub journal: Option<String>,
}

/// Whether a room ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomActivity {
    /// The room ticks.
    Playing,
    /// The room has stopped ticking and writes its last records.
    Stopping,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlayerListing {
    /// The session's id.
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

/// The answer of `/v1/rooms/{id}/mark`: a mark that is being written to the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The room's id.
    pub room: String,
    /// The tick that the mark follows.
    pub tick: u32,
    /// The file name of the journal, as in [`RoomListing::journal`].
    pub journal: String,
    /// Its number in that journal, from 1, for `quarrel replay slice --around`.
    pub mark: u32,
}

/// Reasons for which a moment was not marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkRefusal {
    /// No room has this id.
    NoRoom,
    /// The room does not journal this moment; the text is the reason.
    NotWritten(String),
    /// The room is too busy to answer; the text is the reason.
    Busy(String),
}

/// Whether the server admits another player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does not: as many sessions exist as the configuration allows.
    Full,
    /// It does not: the server is stopping.
    Stopping,
}

/// The answer of `/v1/rooms`.
#[derive(Debug, Serialize)]
pub(super) struct RoomsBody {
    pub(super) rooms: Vec<RoomListing>,
}

/// The answer of `/v1/players`.
#[derive(Debug, Serialize)]
pub(super) struct PlayersBody {
    pub(super) players: Vec<PlayerListing>,
}

/// The answer of `/v1/certificate`.
#[derive(Debug, Serialize)]
pub(super) struct CertificateBody {
    pub(super) sha256: String,
}

/// The answer of a health check that succeeds.
#[derive(Debug, Serialize)]
pub(super) struct HealthBody {
    pub(super) status: &'static str,
}
