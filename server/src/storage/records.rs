//! The types of match results.

use serde::{Deserialize, Serialize};

/// The result of one match. The room's journal contains it as well, as JSON; after a crash, the server submits it again from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRecord {
    /// The room's id.
    pub room: u64,
    /// The name of the game.
    pub game: String,
    /// The seed of the match.
    pub seed: u64,
    /// The room's tick at which the match ended.
    pub tick: u32,
    /// The file name of the room's journal in the folder of journals; `None` without a journal.
    pub journal: Option<String>,
    /// The duration of the match, in milliseconds: its ticks divided by the tick rate.
    pub duration_ms: u64,
    /// The time at which the match ended, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// The seats that had a score.
    pub seats: Vec<SeatRecord>,
}

/// The result of one seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRecord {
    /// The index of the seat.
    pub seat: u16,
    /// The id of the player on the seat; `None` for a bot, and for an empty seat.
    pub player: Option<u64>,
    /// The name of the player or bot; empty for an empty seat.
    pub name: String,
    /// Whether a bot was on the seat.
    pub bot: bool,
    /// The score of the seat, in points of the game.
    pub score: i32,
    /// Whether the seat won, alone or in a team.
    pub won: bool,
}

/// A range of ticks whose match results are deleted, because the room was restored to an earlier tick and plays these ticks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The file name of the room's journal.
    pub journal: String,
    /// The tick to which the room was restored: the last tick before the range.
    pub after: u32,
    /// The last tick of the range. A result of a later tick comes from a match that ended while the journal could not be written.
    /// Players saw that result, so it is kept although the room continues from an earlier tick.
    pub to: u32,
}

impl RolledBack {
    /// Whether a match of the room ended in this range.
    #[must_use]
    pub fn includes(&self, record: &MatchRecord) -> bool {
        record.journal.as_deref() == Some(&self.journal) && (self.after + 1..=self.to).contains(&record.tick)
    }
}

impl MatchRecord {
    /// Whether both records are results of the same match, so that only one of them is stored. With a journal, the journal and the tick
    /// identify the match, because one match at most ends per tick. A result without a journal is submitted again only when a
    /// transaction is retried, with equal fields.
    #[must_use]
    pub fn is_same_match(&self, other: &Self) -> bool {
        if self.journal.is_none() {
            let key = |record: &Self| (record.seed, record.room, record.tick, record.ended_at_ms);
            return other.journal.is_none() && key(self) == key(other);
        }
        self.journal == other.journal && self.tick == other.tick
    }
}

/// Creates the result of a match that ended at this tick, in a room without a journal.
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
