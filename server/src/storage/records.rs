//! What is remembered of a match.

use serde::Serialize;

/// One finished match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchRecord {
    /// The room's number.
    pub room: u64,
    /// The game's name.
    pub game: &'static str,
    /// What the match was played on.
    pub seed: u64,
    /// The room's tick at which it ended.
    pub tick: u32,
    /// Everybody who had a score.
    pub seats: Vec<SeatRecord>,
}

/// How one seat fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeatRecord {
    /// The seat's number.
    pub seat: u16,
    /// What its holder was called; empty when they had left.
    pub name: String,
    /// Whether it was a bot.
    pub bot: bool,
    /// Points.
    pub score: i32,
    /// Whether it won, alone or in a team.
    pub won: bool,
}
