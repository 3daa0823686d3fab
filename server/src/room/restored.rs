//! A room as its journal left it: from the last checkpoint, by the ticks behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use quarrel_shared::{
    game::{Game, Outcome, Setup},
    id::{PlayerId, RoomId},
    journal::{
        Header, Holder, Journal, JournalError, Note, Packer, Playback, PlaybackError, playback::Played,
    },
    tick::{Tick, TickRate},
};

use super::results::match_record;
use crate::storage::{MatchRecord, journals::JournalName};

/// A room that goes on.
pub struct RestoredRoom<G: Game> {
    pub(super) header: Header,
    pub(super) setup: Setup<G::Settings>,
    pub(super) game: G,
    pub(super) tick: Tick,
    pub(super) holders: Vec<Option<Holder>>,
    pub(super) packer: Packer,
    pub(super) results: PastResults,
    /// How many moments an operator has marked so far.
    pub(super) marks: u32,
    /// How many bytes behind the last whole block are given up.
    pub torn_bytes: usize,
}

/// The matches that ended before a room was brought back.
#[derive(Debug, Default)]
pub struct PastResults {
    /// Those that the journal has: the storage may have them or not.
    written: Vec<MatchRecord>,
    /// Those that the ticks came to once more, and whose record the journal has lost.
    pub(super) unwritten: Vec<MatchRecord>,
    /// The tick of the last of them.
    pub(super) last: Tick,
}

impl NotRestored {
    /// Whether another server could bring it back, or this one with other settings: it is to be left where it is.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::OtherRate { .. } | Self::Playback(PlaybackError::Header(_)))
    }
}

/// Why a journal does not bring its room back.
#[derive(Debug, thiserror::Error)]
pub enum NotRestored {
    /// It cannot be read, or is of another game.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// The server steps rooms at another rate now, and tells its players so.
    #[error(
        "the room ran at {room} ticks a second and the server runs at {server}: start it with --tick-rate {room}"
    )]
    OtherRate {
        /// The journal's.
        room: u16,
        /// The server's.
        server: u16,
    },
    /// The entries did not lead to what the journal says.
    #[error(
        "playing it again does not lead to the state that it has after tick {0}: the game is not deterministic, or this build has other rules"
    )]
    Diverged(Tick),
    /// The game panicked on the way.
    #[error("the game panicked while the journal was played again")]
    Panicked,
}

impl From<JournalError> for NotRestored {
    fn from(error: JournalError) -> Self {
        Self::Playback(error.into())
    }
}

/// The room of a journal that has no end, for a server of this rate.
///
/// # Errors
/// Why it cannot go on.
pub fn restore<G: Game>(journal: &Journal<'_>, rate: TickRate) -> Result<RestoredRoom<G>, NotRestored> {
    // First, for whoever runs another game has no use for its tick rate.
    journal.header().setup::<G>().map_err(PlaybackError::from)?;
    if journal.header().rate() != rate {
        return Err(NotRestored::OtherRate { room: journal.header().tick_rate, server: rate.hz() });
    }
    // A game that panicked in the tick that ended the server panics in it again.
    catch_unwind(AssertUnwindSafe(|| play(journal))).unwrap_or(Err(NotRestored::Panicked))
}

impl<G: Game> RestoredRoom<G> {
    /// Which room.
    pub const fn id(&self) -> RoomId {
        RoomId(self.header.room)
    }

    /// Which journal.
    pub const fn name(&self) -> JournalName {
        JournalName { run: self.header.run, room: self.header.room }
    }

    /// The last tick that it was brought back to.
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The matches that ended in it and that the storage may not have: all of them, or those whose record the journal has lost. The
    /// latter stay here as well, to be noted anew.
    pub fn take_records(&mut self, all: bool) -> Vec<MatchRecord> {
        let written = std::mem::take(&mut self.results.written).into_iter().filter(|_| all);
        written.chain(self.results.unwritten.iter().cloned()).collect()
    }

    /// The highest number of a player who sits here.
    pub fn highest_player(&self) -> Option<PlayerId> {
        self.holders.iter().flatten().filter_map(|holder| Some(holder.player?.0)).max()
    }
}

impl PastResults {
    /// Those that a journal has.
    ///
    /// # Errors
    /// When a note cannot be read.
    pub fn of(journal: &Journal<'_>) -> Result<Self, JournalError> {
        Self::up_to(Tick(u32::MAX), journal)
    }

    /// Those that a room has which goes on after this tick: what is noted behind it is yet to come, and cut from the file.
    fn up_to(last: Tick, journal: &Journal<'_>) -> Result<Self, JournalError> {
        let mut all = Self::default();
        for note in journal.notes() {
            let (tick, note) = note?;
            if let Note::Outcome { record } = note
                && tick <= last
            {
                // A record that this version cannot read was written by the one before it, most likely into the database too.
                let record = serde_json::from_value::<MatchRecord>(record).ok();
                // One whose first note was lost is noted after the tick that its room was brought back to.
                all.last = record.as_ref().map_or(tick, |record| Tick(record.tick)).max(all.last);
                all.written.extend(record);
            }
        }
        Ok(all)
    }

    /// All of them: to be handed to the storage once more, which keeps each once.
    pub fn into_records(self) -> impl Iterator<Item = MatchRecord> {
        self.written.into_iter().chain(self.unwritten)
    }
}

fn play<G: Game>(journal: &Journal<'_>) -> Result<RestoredRoom<G>, NotRestored> {
    let mut results = PastResults::up_to(journal.last_played(), journal)?;
    let last = journal.checkpoints().len().checked_sub(1).ok_or(JournalError::Empty)?;
    let mut playback = Playback::<G>::from_segment(journal, last)?;
    let mut before = playback.game().outcome();
    while let Some(played) = playback.advance()? {
        if let Played::Diverged(divergence) = played {
            return Err(NotRestored::Diverged(divergence.tick));
        }
        let after = playback.game().outcome();
        if let (None, Some(outcome)) = (&before, &after) {
            results.see::<G>(journal, playback.tick(), playback.holders(), outcome);
        }
        before = after;
    }
    let packer = Packer::resume(journal).map_err(JournalError::from)?;
    let (setup, tick, holders) = (playback.setup().clone(), playback.tick(), playback.holders().to_vec());
    Ok(RestoredRoom {
        header: journal.header().clone(),
        setup,
        game: playback.into_game(),
        tick,
        holders,
        packer,
        results,
        marks: count_marks(journal),
        torn_bytes: journal.torn().map_or(0, |torn| torn.bytes),
    })
}

fn count_marks(journal: &Journal<'_>) -> u32 {
    let last = journal.last_played();
    let is_mark = |note: &Result<_, _>| matches!(note, Ok((tick, Note::Mark { .. })) if *tick <= last);
    let marks = journal.notes().filter(is_mark);
    u32::try_from(marks.count()).unwrap_or(u32::MAX)
}

impl PastResults {
    /// A match ended while the tail was played; its record may have been behind the last whole block.
    fn see<G: Game>(
        &mut self,
        journal: &Journal<'_>,
        tick: Tick,
        holders: &[Option<Holder>],
        outcome: &Outcome,
    ) {
        if self.written.iter().any(|record| record.tick == tick.0) {
            return;
        }
        let header = journal.header();
        let name = JournalName { run: header.run, room: header.room };
        let (place, rate) = ((RoomId(header.room), Some(name.to_string())), header.rate());
        let known = self.written.iter().chain(&self.unwritten).map(|record| Tick(record.tick));
        let began = known.filter(|end| *end < tick).max();
        let ended = unix_ms_at(journal, tick);
        let ticks = (began.unwrap_or_default(), tick);
        self.unwritten.push(match_record::<G>(place, rate, ticks, (holders, outcome), ended));
        self.last = self.last.max(tick);
    }
}

/// When a tick was made, in milliseconds since 1970: as long after the room opened or was last brought back as its ticks take. What it
/// really was died with the server; rooms let time slip rarely.
fn unix_ms_at(journal: &Journal<'_>, tick: Tick) -> u64 {
    let header = journal.header();
    let resumed = journal.notes().filter_map(|note| match note {
        Ok((at, Note::Resumed { unix_ms, .. })) if at <= tick => Some((at, unix_ms)),
        _ => None,
    });
    let (from, unix_ms) = resumed.last().unwrap_or((Tick(0), header.opened_unix_ms));
    unix_ms + u64::from(tick.since(from)) * 1000 / u64::from(header.rate().hz())
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        journal::{Piece, Recorder},
    };

    use super::*;
    use crate::storage::records::test_record;

    /// The end of a room that ended in a gap was torn: what was said of ticks that are missing is not in the file any more either.
    #[test]
    fn a_result_of_ticks_that_are_missing_is_none_of_a_room_that_goes_on_in_front_of_them() {
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 1, tick_rate: TickRate::DEFAULT };
        let (header, game) = (Header::of::<Crowd>(&setup).unwrap(), Crowd::new(&setup));
        let checkpoint = |tick| Recorder::<Crowd>::new(&header).checkpoint(&game, Tick(tick), vec![None]);
        let outcome = |tick| Note::Outcome { record: serde_json::to_value(test_record(tick)).unwrap() };
        let lost = Note::Lost { from: 51, to: 90, why: String::new() };
        let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
        for piece in [
            Piece::header(&header),
            Piece::note(&outcome(40), Tick(40)),
            checkpoint(50),
            Piece::note(&lost, Tick(90)),
            Piece::note(&outcome(80), Tick(90)),
        ] {
            packer.pack(&piece, &mut bytes).unwrap();
        }
        let mut room = restore::<Crowd>(&Journal::open(&bytes).unwrap(), TickRate::DEFAULT).unwrap();
        assert_eq!((room.tick(), room.results.last), (Tick(50), Tick(40)));
        assert_eq!(room.take_records(true), [test_record(40)]);
    }

    #[test]
    fn the_hours_for_which_a_server_was_down_are_no_play() {
        let tick_rate = TickRate::new(20).unwrap();
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 1, tick_rate };
        let header = Header { opened_unix_ms: 5000, ..Header::of::<Crowd>(&setup).unwrap() };
        let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
        let back = Note::Resumed { run: 2, build: String::new(), unix_ms: 9_000_000 };
        for piece in [Piece::header(&header), Piece::note(&back, Tick(100))] {
            packer.pack(&piece, &mut bytes).unwrap();
        }
        let journal = Journal::open(&bytes).unwrap();
        assert_eq!(unix_ms_at(&journal, Tick(60)), 8000);
        assert_eq!(unix_ms_at(&journal, Tick(140)), 9_002_000);
    }
}
