//! The types of match results.

use std::fmt;

use quarrel_shared::id::RoomUid;
use serde::{Deserialize, Serialize};

/// The identity of a match: no two matches of any servers have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchId {
    /// The identity of the room.
    pub room: RoomUid,
    /// The number of the match in its room, from 1.
    pub number: u32,
}

impl fmt::Display for MatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.room, self.number)
    }
}

/// The result of one match. The room's journal contains it as well, as JSON; after a crash, the server submits it again from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchRecord {
    /// The identity of the match. `None` for matches of earlier servers.
    pub id: Option<MatchId>,
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

/// A room that was restored to an earlier tick. The results of its later matches are deleted, because the room plays them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The last match that the room has finished at the restored tick; number 0 if it has finished none.
    pub last: MatchId,
    /// For the results of an earlier server, which have no [`MatchRecord::id`]: the journal and the restored tick. `None` for a room that
    /// such a server has not opened, so that a database from another machine loses no result of an equal journal name.
    pub unidentified: Option<(String, u32)>,
}

impl RolledBack {
    /// Whether a result is of a later match of the room.
    #[must_use]
    pub fn includes(&self, record: &MatchRecord) -> bool {
        match (record.id, &self.unidentified) {
            (Some(id), _) => id.room == self.last.room && id.number > self.last.number,
            (None, Some((journal, after))) => {
                record.journal.as_ref() == Some(journal) && record.tick > *after
            }
            (None, None) => false,
        }
    }
}

impl MatchRecord {
    /// Whether both records are results of the same match, so that only one of them is stored. Results without an identity are submitted
    /// again from a journal only, and their journal and tick identify the match.
    #[must_use]
    pub fn is_same_match(&self, other: &Self) -> bool {
        if self.id.is_some() || other.id.is_some() {
            return self.id == other.id;
        }
        self.journal.is_some() && self.journal == other.journal && self.tick == other.tick
    }
}

/// Creates the result of a match that ended at this tick, in a room without a journal. The tick is also the number of the match.
#[cfg(test)]
pub(crate) fn test_record(tick: u32) -> MatchRecord {
    let ada =
        SeatRecord { seat: 0, player: Some(1), name: "Ada".to_owned(), bot: false, score: 4, won: true };
    MatchRecord {
        id: Some(MatchId { room: RoomUid(7), number: tick }),
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
