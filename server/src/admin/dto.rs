//! What the operator's plane says, field by field as JSON has it.

use std::net::SocketAddr;

use serde::Serialize;

/// One room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomListing {
    /// The id that players join it by.
    pub id: String,
    /// The game played in it.
    pub game: &'static str,
    /// The newest tick that ran.
    pub tick: u32,
    /// Places.
    pub seats: u16,
    /// Places held by people.
    pub players: u16,
    /// Places held by bots.
    pub bots: u16,
    /// Ticks a second.
    pub tick_rate: u32,
    /// What it does.
    pub state: RoomState,
    /// Ticks that took longer than their period, since the room began.
    pub overruns: u64,
    /// Seconds since the room began.
    pub age_s: u64,
    /// The file that it is written down in, in the data directory's `journals`; nothing when it is not.
    pub journal: Option<String>,
}

/// What a room does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomState {
    /// It ticks.
    Playing,
    /// It writes its last and ticks no more.
    Stopping,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlayerListing {
    /// The session's id.
    pub id: String,
    /// What the player wants to be called.
    pub name: String,
    /// The room, once it is in one.
    pub room: Option<String>,
    /// The seat in that room.
    pub seat: Option<u16>,
    /// Where its packets come from now.
    pub address: SocketAddr,
    /// Round trip to it, smoothed.
    pub rtt_ms: u32,
    /// Seconds since it connected.
    pub connected_s: u64,
}

/// The answer of `/v1/rooms/{id}/mark`: a mark that is on its way to the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The room's id.
    pub room: String,
    /// The tick after which it stands.
    pub tick: u32,
    /// The file, as in [`RoomListing::journal`].
    pub journal: String,
    /// Its number in that journal, from 1: what `quarrel replay slice --around` takes.
    pub mark: u32,
}

/// Why a moment was not marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkRefusal {
    /// There is no such room.
    NoRoom,
    /// The room does not write this moment down; why, in a sentence.
    NotWritten(String),
    /// The room has no time now; why, in a sentence.
    Busy(String),
}

/// Whether another player would be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// No: every session that the configuration allows is taken.
    Full,
    /// No: the server stops.
    Stopping,
}

/// The answer of `/v1/rooms`.
#[derive(Debug, Serialize)]
pub(super) struct Rooms {
    pub(super) rooms: Vec<RoomListing>,
}

/// The answer of `/v1/players`.
#[derive(Debug, Serialize)]
pub(super) struct Players {
    pub(super) players: Vec<PlayerListing>,
}

/// The answer of `/v1/certificate`.
#[derive(Debug, Serialize)]
pub(super) struct Certificate {
    pub(super) sha256: String,
}

/// The answer of a health check that is well.
#[derive(Debug, Serialize)]
pub(super) struct Well {
    pub(super) status: &'static str,
}
