//! Replays every journal of a scenario from its first tick to its last, and fails the scenario when a replay differs from the
//! recorded play.
//!
//! One game may differ: [`Fickle`](crate::games::Fickle) with a planted flaw that shows in its state. Its replay must differ at the
//! first checksum at or after the tick of the flaw; scenarios have a checksum in every tick. The journal of a game that panics ends
//! before the tick of the panic, so it needs no exception.

use std::{marker::PhantomData, thread};

use quarrel_server::storage::journals::{JournalName, JournalStore, MemoryStore};
use quarrel_shared::{
    game::Game,
    journal::{
        Annotation, Journal, JournalError, Playback, PlaybackStep,
        bisect::{Diagnosis, ReplayFault, bisect_one},
        playback::initial_divergence,
    },
    protocol::CloseReason,
    tick::Tick,
};

use crate::games::fickle;

/// The journals of a test, verified when the test ends: by [`Self::verify`], or when this is dropped.
pub(crate) struct ReplayCheck<G: Game> {
    journals: MemoryStore,
    is_verified: bool,
    game: PhantomData<fn() -> G>,
}

/// The way in which the server that wrote the journals ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEnd {
    /// By a shutdown: every room ended or was saved, and its journal records that.
    Stopped,
    /// In the middle of play: the last ticks of a room may be missing.
    Dropped,
}

/// The totals of verified journals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayTotals {
    /// Journals, one for each room.
    pub rooms: u64,
    /// Replayed ticks.
    pub ticks: u64,
    /// Compared checksums.
    pub checksums: u64,
    /// Rooms that ended because their game failed.
    pub failed: u64,
}

impl<G: Game> ReplayCheck<G> {
    pub(crate) const fn new(journals: MemoryStore) -> Self {
        Self { journals, is_verified: false, game: PhantomData }
    }

    pub(crate) const fn journals(&self) -> &MemoryStore {
        &self.journals
    }

    /// Verifies the journals.
    pub(crate) fn verify(mut self, end: ServerEnd) -> ReplayTotals {
        self.is_verified = true;
        verify::<G>(&self.journals, end)
    }
}

impl<G: Game> Drop for ReplayCheck<G> {
    fn drop(&mut self) {
        // A test that already panics has reported its own failure.
        if !self.is_verified && !thread::panicking() {
            verify::<G>(&self.journals, ServerEnd::Dropped);
        }
    }
}

/// Replays every journal and compares all its checksums.
///
/// # Panics
/// When a journal cannot be read or replayed, differs from its replay, or lacks its end; the message gives the room, the tick and
/// the difference.
pub fn verify<G: Game>(journals: &dyn JournalStore, end: ServerEnd) -> ReplayTotals {
    let mut totals = ReplayTotals::default();
    for stored in journals.list().expect("a list of the journals") {
        let bytes = journals.read(stored.name).expect("a listed journal");
        if let Some(room) = CheckedJournal::<G>::open(stored.name, &bytes, end) {
            totals.rooms += 1;
            room.replay(&mut totals);
            room.check_end(end, &mut totals);
        }
    }
    totals
}

/// The journal of one room.
struct CheckedJournal<'a, G> {
    name: JournalName,
    journal: Journal<'a>,
    game: PhantomData<fn() -> G>,
}

impl<'a, G: Game> CheckedJournal<'a, G> {
    /// Opens a journal; `None` when the server was dropped before it wrote the header.
    fn open(name: JournalName, bytes: &'a [u8], end: ServerEnd) -> Option<Self> {
        if bytes.is_empty() && end == ServerEnd::Dropped {
            return None;
        }
        let journal = Journal::open(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(journal.tail(), None, "{name}: every block of a journal must be complete");
        Some(Self { name, journal, game: PhantomData })
    }

    fn replay(&self, totals: &mut ReplayTotals) {
        let (name, planted) = (self.name, fickle::planted(&self.journal));
        match self.first_difference(totals) {
            Ok(None) => {
                let last = self.journal.last_tick();
                assert!(
                    planted.is_none_or(|(_, shows)| last < shows),
                    "{name}: the planted flaw must show in the replay"
                );
            }
            Ok(Some(tick)) if planted.is_some_and(|(from, shows)| (from..=shows).contains(&tick)) => {}
            Ok(Some(_)) => panic!("{name}: {}", self.diagnose()),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Returns the first tick whose replayed state differs from the journal.
    fn first_difference(&self, totals: &mut ReplayTotals) -> Result<Option<Tick>, String> {
        let text = |error: &dyn std::error::Error| error.to_string();
        if let Some(divergence) = initial_divergence::<G>(&self.journal).map_err(|error| text(&error))? {
            return Ok(Some(divergence.tick));
        }
        let mut playback = Playback::<G>::open(&self.journal).map_err(|error| text(&error))?;
        loop {
            match playback.advance().map_err(|error| text(&error))? {
                None => return Ok(None),
                Some(PlaybackStep::Tick(record)) => {
                    totals.ticks += 1;
                    totals.checksums += u64::from(record.checksum.is_some());
                }
                Some(PlaybackStep::Checkpoint(_)) => totals.checksums += 1,
                Some(PlaybackStep::Lost { from, to }) => self.check_lost(from, to)?,
                Some(PlaybackStep::Diverged(divergence)) => return Ok(Some(divergence.tick)),
            }
        }
    }

    /// Checks that an annotation records the missing ticks.
    fn check_lost(&self, last: Tick, checkpoint: Tick) -> Result<(), String> {
        let records_gap = |annotation: Result<(Tick, Annotation), JournalError>| match annotation {
            Ok((_, Annotation::Lost { from, to, .. })) => from == last.next().0 && to == checkpoint.0,
            _ => false,
        };
        let is_recorded = self.journal.annotations().any(records_gap);
        is_recorded
            .then_some(())
            .ok_or_else(|| format!("ticks after {last} are missing, and no annotation records that"))
    }

    /// Describes the first difference.
    fn diagnose(&self) -> String {
        match bisect_one::<G>(&self.journal) {
            Ok(Some(fault)) => describe(&fault),
            Ok(None) => "the first replay differed from the journal, and a second one does not".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Checks that the journal has an end, with a reason that a room can have.
    fn check_end(&self, end: ServerEnd, totals: &mut ReplayTotals) {
        let name = self.name;
        let Some(reason) = self.journal.end() else {
            let last = self.journal.annotations().last().transpose().expect("a readable annotation");
            let is_saved = matches!(last, Some((_, Annotation::Saved)));
            assert!(
                end == ServerEnd::Dropped || is_saved,
                "{name}: the journal of a stopped server's room must have an end"
            );
            return;
        };
        let reasons = [CloseReason::RoomClosed, CloseReason::RoomFailed, CloseReason::ServerStopping];
        assert!(
            reasons.iter().any(|known| known.name() == reason),
            "{name}: a room must not end with the reason {reason:?}"
        );
        totals.failed += u64::from(reason == CloseReason::RoomFailed.name());
    }
}

fn describe<I: std::fmt::Debug>(fault: &ReplayFault<I>) -> String {
    let ReplayFault { tick, journal, played, record, states, diagnosis, .. } = fault;
    let why = match diagnosis {
        Diagnosis::NotDeterministic { record, states } => {
            format!("the game is not deterministic: two runs differ at tick {}:\n{states}", record.tick)
        }
        Diagnosis::NotSaved { record, states } => {
            format!("the game does not save all of its state, which shows at tick {}:\n{states}", record.tick)
        }
        Diagnosis::Reproducible => "the room's own state differed from its journal".to_owned(),
    };
    let states = states.as_ref().map(|states| format!("\njournal state and replayed state: {states}"));
    format!(
        "at tick {tick} the journal has {journal:?}, and this build computes {played:?}; {why}{}\ninput of the tick: {record:?}",
        states.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::Setup,
        tick::TickRate,
    };

    use super::*;
    use crate::journals::{RecordedRoom, brains};

    const SEATS: u16 = 3;

    fn room(seed: u64) -> RecordedRoom<Crowd> {
        let setup = Setup { settings: CrowdSettings {}, seed, seats: SEATS, tick_rate: TickRate::DEFAULT };
        RecordedRoom::open(setup, brains::<Crowd>(SEATS, 1), 1)
    }

    fn store(bytes: &[u8]) -> MemoryStore {
        let store = MemoryStore::default();
        let name = JournalName { run: 1, room: 7 };
        store.create(name).and_then(|mut file| file.append(bytes)).expect("memory");
        store
    }

    #[test]
    fn a_correct_journal_is_verified_tick_by_tick() {
        let mut room = room(3);
        room.play(310);
        let totals = verify::<Crowd>(&store(&room.end("room_closed")), ServerEnd::Stopped);
        assert_eq!(totals, ReplayTotals { rooms: 1, ticks: 310, checksums: 311, failed: 0 });
    }

    #[test]
    #[should_panic(expected = "run-00001-room-000007.journal: at tick 41 the journal has")]
    fn a_journal_that_differs_fails_its_scenario_with_room_and_tick() {
        let (mut room, mut other) = (room(3), room(4));
        room.play(40);
        other.play(40);
        std::mem::swap(room.game_mut(), other.game_mut());
        room.play(20);
        drop(ReplayCheck::<Crowd>::new(store(room.bytes())));
    }

    #[test]
    #[should_panic(expected = "the journal of a stopped server's room must have an end")]
    fn a_journal_without_an_end_fails_a_scenario_that_stopped_its_server() {
        let mut room = room(3);
        room.play(20);
        verify::<Crowd>(&store(room.bytes()), ServerEnd::Stopped);
    }
}
