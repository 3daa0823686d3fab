//! Restores a room from its journal: loads the last checkpoint, and plays the ticks after it again. Has no I/O.

use std::panic::{AssertUnwindSafe, catch_unwind};

use quarrel_shared::{
    game::{Game, Outcome, Setup},
    id::RoomId,
    journal::{
        Annotation, Header, Holder, Journal, JournalError, JournalWriter, Playback, PlaybackError,
        playback::PlaybackStep,
    },
    tick::{Tick, TickRate},
};

use super::results::{FinishedMatch, PastMatches};
use crate::storage::{MatchId, MatchRecord, RolledBack, journals::JournalName};

/// A room that was restored from its journal, to be opened again.
pub struct RestoredRoom<G: Game> {
    pub(super) header: Header,
    pub(super) setup: Setup<G::Settings>,
    /// The game after `tick`.
    pub(super) game: G,
    /// The last tick that was restored.
    pub(super) tick: Tick,
    /// The occupants of the seats after `tick`, indexed by seat; `None` for an empty seat.
    pub(super) holders: Vec<Option<Holder>>,
    /// The writer that continues the journal after `tick`.
    pub(super) writer: JournalWriter,
    pub(super) results: PastResults,
    /// The number of operators' marks in the journal up to `tick`.
    pub(super) marks: u32,
    /// The number of bytes after the last complete block of the file, which are discarded. A crash leaves them when it interrupts a write.
    pub tail_bytes: usize,
}

/// The results of the matches that ended before a room was restored.
#[derive(Debug, Default)]
pub struct PastResults {
    /// The results in the journal. The storage of match results may have them or not.
    written: Vec<MatchRecord>,
    /// The results of matches that ended in the replayed ticks, and whose annotations the journal has lost.
    pub(super) lost: Vec<MatchRecord>,
    /// The number of matches that have ended.
    pub(super) count: u32,
    /// The tick at which the last match ended; 0 if none has ended.
    pub(super) last_end: Tick,
}

/// Reasons why a journal cannot restore its room.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The journal cannot be read, or is of another game.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// The server runs its rooms at another tick rate.
    #[error(
        "the room ran at {room} ticks per second and the server runs at {server}: start the server with --tick-rate {room}"
    )]
    OtherRate {
        /// The tick rate of the journal.
        room: u16,
        /// The tick rate of the server.
        server: u16,
    },
    /// The game loaded the checkpoint of this tick as another state than the one that was saved.
    #[error(
        "the game loads the state after tick {0} as another one than was saved: this build saves states in another layout, so use the build that wrote the journal"
    )]
    OtherState(Tick),
    /// Playing the journal again gave another state after this tick than the one in the journal.
    #[error(
        "playing the journal again gives another state after tick {0} than the journal records: the game is not deterministic, or this build has other rules"
    )]
    Diverged(Tick),
    /// The game panicked while the journal was played again.
    #[error("the game panicked while the journal was played again")]
    Panicked,
}

impl RestoreError {
    /// Returns true if another build of the server, or this one with other settings, could restore the room, so that the journal must
    /// stay in place: after a rollback, the earlier build continues the room. Only a damaged journal can never restore its room.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        !matches!(self, Self::Playback(PlaybackError::Journal(_)))
    }
}

impl From<JournalError> for RestoreError {
    fn from(error: JournalError) -> Self {
        Self::Playback(error.into())
    }
}

/// Restores the room of a journal that has not ended, for a server with this tick rate.
///
/// # Errors
/// Returns the reason why the room cannot be restored.
pub fn restore<G: Game>(journal: &Journal<'_>, rate: TickRate) -> Result<RestoredRoom<G>, RestoreError> {
    // The game is checked first, because the tick rate does not matter if the server runs another game.
    journal.header().setup::<G>().map_err(PlaybackError::from)?;
    if journal.header().rate() != rate {
        return Err(RestoreError::OtherRate { room: journal.header().tick_rate, server: rate.hz() });
    }
    // If a panic of the game in one of these ticks has ended the earlier run, the game panics again.
    catch_unwind(AssertUnwindSafe(|| play(journal))).unwrap_or(Err(RestoreError::Panicked))
}

impl<G: Game> RestoredRoom<G> {
    /// Returns the room's id.
    pub const fn id(&self) -> RoomId {
        RoomId(self.header.room)
    }

    /// Returns the name of the journal.
    pub const fn name(&self) -> JournalName {
        JournalName { run: self.header.run, room: self.header.room }
    }

    /// Returns the last tick that was restored.
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// Returns the matches that the room has finished.
    pub(super) fn past_matches(&self) -> PastMatches {
        let last = MatchId { room: self.header.uid(), number: self.results.count };
        PastMatches { last, last_end: self.results.last_end }
    }

    /// Returns the room as the storage needs it to delete the results of later matches.
    pub fn rolled_back(&self) -> RolledBack {
        let unidentified = self.header.uid.is_none().then(|| (self.name().to_string(), self.tick.0));
        RolledBack { last: self.past_matches().last, unidentified }
    }

    /// Returns the results that the storage may lack: all of them if `all`, otherwise only those whose annotations were lost. The latter
    /// stay in the room as well, because its journal must be annotated with them again. Must be called once.
    pub fn take_records(&mut self, all: bool) -> Vec<MatchRecord> {
        let written = std::mem::take(&mut self.results.written).into_iter().filter(|_| all);
        written.chain(self.results.lost.iter().cloned()).collect()
    }
}

impl PastResults {
    /// Reads all results in a journal.
    ///
    /// # Errors
    /// When an annotation cannot be read.
    pub fn of(journal: &Journal<'_>) -> Result<Self, JournalError> {
        Self::up_to(Tick(u32::MAX), journal)
    }

    /// Reads the results in a journal up to the tick `last`, after which the restored room continues. Annotations of later ticks are cut
    /// from the file, because their matches will be played again.
    fn up_to(last: Tick, journal: &Journal<'_>) -> Result<Self, JournalError> {
        let mut all = Self::default();
        for annotation in journal.annotations() {
            let (tick, annotation) = annotation?;
            if let Annotation::Outcome { record } = annotation
                && tick <= last
            {
                // A record that this version cannot read was written by an older version, most likely into the database too.
                let record = serde_json::from_value::<MatchRecord>(record).ok();
                // The tick of the annotation may be later than the end of the match: a lost annotation is written again at the tick to
                // which the room was restored.
                all.last_end = record.as_ref().map_or(tick, |record| Tick(record.tick)).max(all.last_end);
                let number = record.as_ref().and_then(|record| record.id).map(|id| id.number);
                all.count = number.unwrap_or_else(|| all.count.saturating_add(1));
                all.written.extend(record);
            }
        }
        Ok(all)
    }

    /// Returns all results, to be passed to the storage, which stores each result once.
    pub fn into_records(self) -> impl Iterator<Item = MatchRecord> {
        self.written.into_iter().chain(self.lost)
    }
}

/// Plays a journal from its last checkpoint to its last complete tick.
fn play<G: Game>(journal: &Journal<'_>) -> Result<RestoredRoom<G>, RestoreError> {
    let mut results = PastResults::up_to(journal.last_playable(), journal)?;
    let last = journal.checkpoints().len().checked_sub(1).ok_or(JournalError::Empty)?;
    let mut playback = Playback::<G>::from_segment(journal, last)?;
    if playback.checksum() != journal.segment::<G::Input>(last)?.checkpoint().checksum {
        return Err(RestoreError::OtherState(playback.tick()));
    }
    let mut before = playback.game().outcome();
    while let Some(played) = playback.advance()? {
        if let PlaybackStep::Diverged(divergence) = played {
            return Err(RestoreError::Diverged(divergence.tick));
        }
        let after = playback.game().outcome();
        if let (None, Some(outcome)) = (&before, &after) {
            results.add_replayed::<G>(journal, playback.tick(), playback.holders(), outcome);
        }
        before = after;
    }
    let writer = JournalWriter::resume(journal).map_err(JournalError::from)?;
    let (setup, tick, holders) = (playback.setup().clone(), playback.tick(), playback.holders().to_vec());
    Ok(RestoredRoom {
        header: journal.header().clone(),
        setup,
        game: playback.into_game(),
        tick,
        holders,
        writer,
        results,
        marks: count_marks(journal),
        tail_bytes: journal.tail().map_or(0, |tail| tail.bytes),
    })
}

/// Returns the number of operators' marks up to the last tick that can be played.
fn count_marks(journal: &Journal<'_>) -> u32 {
    let last = journal.last_playable();
    let annotations = journal.annotations().filter_map(Result::ok);
    let marks = annotations
        .filter(|(tick, annotation)| matches!(annotation, Annotation::Mark { .. }) && *tick <= last);
    u32::try_from(marks.count()).unwrap_or(u32::MAX)
}

impl PastResults {
    /// Adds the result of a match that ended at a replayed tick, unless the journal has it. The annotation may be missing because it was
    /// after the last complete block.
    fn add_replayed<G: Game>(
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
        let known = self.written.iter().chain(&self.lost).map(|record| Tick(record.tick));
        self.count = self.count.saturating_add(1);
        let finished = FinishedMatch {
            id: MatchId { room: header.uid(), number: self.count },
            room: RoomId(header.room),
            journal: Some(name.to_string()),
            rate: header.rate(),
            previous_end: known.filter(|end| *end < tick).max().unwrap_or_default(),
            ended: tick,
            holders,
            outcome,
            ended_at_ms: unix_ms_at(journal, tick),
        };
        self.lost.push(finished.into_record::<G>());
        self.last_end = self.last_end.max(tick);
    }
}

/// Returns the time of a tick, in milliseconds since 1970: the time when the room was opened or last restored, plus the duration of the
/// ticks since then. It is inexact if the room has skipped ticks, which is rare; the exact time is not in the journal.
fn unix_ms_at(journal: &Journal<'_>, tick: Tick) -> u64 {
    let header = journal.header();
    let resumed = journal.annotations().filter_map(|annotation| match annotation {
        Ok((at, Annotation::Resumed { unix_ms, .. })) if at <= tick => Some((at, unix_ms)),
        _ => None,
    });
    let (from, unix_ms) = resumed.last().unwrap_or((Tick(0), header.opened_unix_ms));
    // A clock far ahead may have written any number.
    unix_ms.saturating_add(u64::from(tick.since(from)) * 1000 / u64::from(header.rate().hz()))
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        journal::{Chunk, Recorder},
    };

    use super::*;
    use crate::storage::records::test_record;

    /// The journal has a gap after tick 50, in which a match ended at tick 80, and the room continues from tick 50.
    #[test]
    fn a_result_of_a_match_that_ended_after_the_restored_tick_is_dropped() {
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 1, tick_rate: TickRate::DEFAULT };
        let (header, game) = (Header::of::<Crowd>(&setup).unwrap(), Crowd::new(&setup));
        let checkpoint = |tick| Recorder::<Crowd>::new(&header).checkpoint(&game, Tick(tick), vec![None]);
        let outcome = |tick| Annotation::Outcome { record: serde_json::to_value(test_record(tick)).unwrap() };
        let lost = Annotation::Lost { from: 51, to: 90, why: String::new() };
        let (mut writer, mut bytes) = (JournalWriter::new().unwrap(), Vec::new());
        for chunk in [
            Chunk::header(&header),
            Chunk::annotation(&outcome(40), Tick(40)),
            checkpoint(50),
            Chunk::annotation(&lost, Tick(90)),
            Chunk::annotation(&outcome(80), Tick(90)),
        ] {
            writer.write(&chunk, &mut bytes).unwrap();
        }
        let mut room = restore::<Crowd>(&Journal::open(&bytes).unwrap(), TickRate::DEFAULT).unwrap();
        assert_eq!((room.tick(), room.results.last_end), (Tick(50), Tick(40)));
        assert_eq!(room.take_records(true), [test_record(40)]);
    }

    #[test]
    fn the_time_of_a_tick_includes_the_time_while_the_server_was_down() {
        let tick_rate = TickRate::new(20).unwrap();
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 1, tick_rate };
        let header = Header { opened_unix_ms: 5000, ..Header::of::<Crowd>(&setup).unwrap() };
        let (mut writer, mut bytes) = (JournalWriter::new().unwrap(), Vec::new());
        let resumed = Annotation::Resumed { run: 2, build: String::new(), unix_ms: 9_000_000 };
        for chunk in [Chunk::header(&header), Chunk::annotation(&resumed, Tick(100))] {
            writer.write(&chunk, &mut bytes).unwrap();
        }
        let journal = Journal::open(&bytes).unwrap();
        assert_eq!(unix_ms_at(&journal, Tick(60)), 8000);
        assert_eq!(unix_ms_at(&journal, Tick(140)), 9_002_000);
    }
}
