//! What is remembered of a match.

use serde::{Deserialize, Serialize};

/// One finished match. A room's journal holds it too, as JSON, from where it is handed in once more after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRecord {
    /// The room's number.
    pub room: u64,
    /// The game's name.
    pub game: String,
    /// What the match was played on.
    pub seed: u64,
    /// The room's tick at which it ended.
    pub tick: u32,
    /// The room's journal: a file name below the journals' folder. None: the room kept no journal.
    pub journal: Option<String>,
    /// How long the match ran, in milliseconds of the room's own time.
    pub duration_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// Everybody who had a score.
    pub seats: Vec<SeatRecord>,
}

/// How one seat fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRecord {
    /// The seat's number.
    pub seat: u16,
    /// Who held it; none for a bot, and for whoever had left.
    pub player: Option<u64>,
    /// What its holder was called; empty when they had left.
    pub name: String,
    /// Whether it was a bot.
    pub bot: bool,
    /// Points.
    pub score: i32,
    /// Whether it won, alone or in a team.
    pub won: bool,
}

/// Ticks of a room that were played and did not come to be: the room was brought back to an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The room's journal.
    pub journal: String,
    /// The tick that it was brought back to.
    pub after: u32,
    /// The last tick that may be undone by a crash. What ended later, ended while the journal could not be written: it was seen, and
    /// is kept, though the room goes on from before it.
    pub to: u32,
}

impl Undone {
    /// Whether this match ended in them.
    #[must_use]
    pub fn includes(&self, record: &MatchRecord) -> bool {
        record.journal.as_deref() == Some(&self.journal) && (self.after + 1..=self.to).contains(&record.tick)
    }
}

impl MatchRecord {
    /// Whether both tell of one match, and so are kept once. A journal has one match that ends at a tick. Without a journal nobody
    /// hands a result in again but the storage itself, which knows it whole.
    #[must_use]
    pub fn is_same_match(&self, other: &Self) -> bool {
        if self.journal.is_none() {
            let key = |record: &Self| (record.seed, record.room, record.tick, record.ended_at_ms);
            return other.journal.is_none() && key(self) == key(other);
        }
        self.journal == other.journal && self.tick == other.tick
    }
}

/// Some finished match of a room without a journal.
#[cfg(test)]
pub(crate) fn test_record(tick: u32) -> MatchRecord {
    let ada =
        SeatRecord { seat: 0, player: Some(1), name: "Ada".to_owned(), bot: false, score: 4, won: true };
    MatchRecord {
        room: 1,
        game: "arena".to_owned(),
        seed: 2,
        tick,
        journal: None,
        duration_ms: 12_000,
        ended_at_ms: 1_800_000_000_000 + u64::from(tick),
        seats: vec![ada],
    }
}
