//! Every match of a scenario is played again from its journal, from its first tick to its last: where this build comes to something
//! else than the room did, the scenario fails, whatever it was about.
//!
//! One game is excused, and only by as much as it was told to be wrong: [`Fickle`](crate::games::Fickle) with a flaw that shows in
//! its state. Its journal must differ, and at the first checksum from the tick of the flaw on, which scenarios have in every tick.
//! A game that panics needs no excuse: its journal ends before that tick.

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

/// A test's journals, which are verified when it ends: by [`Self::hold`], or else when this is dropped.
pub(crate) struct Proof<G: Game> {
    journals: MemoryStore,
    is_held: bool,
    game: PhantomData<fn() -> G>,
}

/// How the server of some journals ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order: every room has ended, or was saved, and its journal says so.
    Stopped,
    /// In the middle of play: what a room did last may be missing.
    Dropped,
}

/// What was proven of some journals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proven {
    /// How many there are.
    pub rooms: u64,
    /// Ticks that were played again.
    pub ticks: u64,
    /// Checksums that were compared.
    pub checksums: u64,
    /// Rooms that ended since their game failed.
    pub failed: u64,
}

impl<G: Game> Proof<G> {
    pub(crate) const fn of(journals: MemoryStore) -> Self {
        Self { journals, is_held: false, game: PhantomData }
    }

    /// The journals.
    pub(crate) const fn journals(&self) -> &MemoryStore {
        &self.journals
    }

    /// Verifies them.
    pub(crate) fn hold(mut self, ending: Ending) -> Proven {
        self.is_held = true;
        verify::<G>(&self.journals, ending)
    }
}

impl<G: Game> Drop for Proof<G> {
    fn drop(&mut self) {
        // A test that fails has said why already.
        if !self.is_held && !thread::panicking() {
            verify::<G>(&self.journals, Ending::Dropped);
        }
    }
}

/// Plays every journal again, and holds it against all its checksums.
///
/// # Panics
/// When one cannot be read or played, differs, or does not end as it should: with its room, the tick and what differs.
pub fn verify<G: Game>(journals: &dyn JournalStore, ending: Ending) -> Proven {
    let mut proven = Proven::default();
    for kept in journals.list().expect("a list of the journals") {
        let bytes = journals.read(kept.name).expect("a journal that is listed");
        if let Some(room) = Room::<G>::open(kept.name, &bytes, ending) {
            proven.rooms += 1;
            room.play(&mut proven);
            room.check_end(ending, &mut proven);
        }
    }
    proven
}

/// One of them.
struct Room<'a, G> {
    name: JournalName,
    journal: Journal<'a>,
    game: PhantomData<fn() -> G>,
}

impl<'a, G: Game> Room<'a, G> {
    /// `None` when a server was dropped before the room's beginning was written.
    fn open(name: JournalName, bytes: &'a [u8], ending: Ending) -> Option<Self> {
        if bytes.is_empty() && ending == Ending::Dropped {
            return None;
        }
        let journal = Journal::open(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(journal.tail(), None, "{name}: whatever is written is written whole");
        Some(Self { name, journal, game: PhantomData })
    }

    fn play(&self, proven: &mut Proven) {
        let (name, planted) = (self.name, fickle::planted(&self.journal));
        match self.difference(proven) {
            Ok(None) => {
                let last = self.journal.last_tick();
                assert!(
                    planted.is_none_or(|(_, shows)| last < shows),
                    "{name}: the planted flaw does not show"
                );
            }
            Ok(Some(tick)) if planted.is_some_and(|(from, shows)| (from..=shows).contains(&tick)) => {}
            Ok(Some(_)) => panic!("{name}: {}", self.told()),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// The first tick after which this build comes to something else.
    fn difference(&self, proven: &mut Proven) -> Result<Option<Tick>, String> {
        let text = |error: &dyn std::error::Error| error.to_string();
        if let Some(divergence) = initial_divergence::<G>(&self.journal).map_err(|error| text(&error))? {
            return Ok(Some(divergence.tick));
        }
        let mut playback = Playback::<G>::open(&self.journal).map_err(|error| text(&error))?;
        loop {
            match playback.advance().map_err(|error| text(&error))? {
                None => return Ok(None),
                Some(PlaybackStep::Tick(record)) => {
                    proven.ticks += 1;
                    proven.checksums += u64::from(record.checksum.is_some());
                }
                Some(PlaybackStep::Checkpoint(_)) => proven.checksums += 1,
                Some(PlaybackStep::Lost { from, to }) => self.check_lost(from, to)?,
                Some(PlaybackStep::Diverged(divergence)) => return Ok(Some(divergence.tick)),
            }
        }
    }

    /// A stretch that is missing must be said to be.
    fn check_lost(&self, last: Tick, checkpoint: Tick) -> Result<(), String> {
        let is_said = |note: Result<(Tick, Annotation), JournalError>| match note {
            Ok((_, Annotation::Lost { from, to, .. })) => from == last.next().0 && to == checkpoint.0,
            _ => false,
        };
        let is_said = self.journal.annotations().any(is_said);
        is_said.then_some(()).ok_or_else(|| format!("ticks after {last} are missing, and no note says so"))
    }

    /// What can be found out about a difference.
    fn told(&self) -> String {
        match bisect_one::<G>(&self.journal) {
            Ok(Some(fault)) => told(&fault),
            Ok(None) => "it differed, and does not when it is played once more".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// A journal says why its room ended, and for a reason that rooms end for.
    fn check_end(&self, ending: Ending, proven: &mut Proven) {
        let name = self.name;
        let Some(reason) = self.journal.end() else {
            let last = self.journal.annotations().last().transpose().expect("a note that can be read");
            let is_saved = matches!(last, Some((_, Annotation::Saved)));
            assert!(ending == Ending::Dropped || is_saved, "{name}: a room that was stopped has an end");
            return;
        };
        let reasons = [CloseReason::RoomClosed, CloseReason::RoomFailed, CloseReason::ServerStopping];
        assert!(reasons.iter().any(|known| known.name() == reason), "{name}: no room ends for {reason:?}");
        proven.failed += u64::from(reason == CloseReason::RoomFailed.name());
    }
}

fn told<I: std::fmt::Debug>(fault: &ReplayFault<I>) -> String {
    let ReplayFault { tick, journal, played, record, states, diagnosis, .. } = fault;
    let why = match diagnosis {
        Diagnosis::NotDeterministic { record, states } => {
            format!("the game is not deterministic: it goes two ways at tick {}:\n{states}", record.tick)
        }
        Diagnosis::NotSaved { record, states } => {
            format!(
                "the game does not save all that it goes by, which shows at tick {}:\n{states}",
                record.tick
            )
        }
        Diagnosis::Reproducible => "the room itself went another way than its journal says".to_owned(),
    };
    let states = states.as_ref().map(|states| format!("\nthe journal's state and this: {states}"));
    format!(
        "at tick {tick} the journal says {journal:?}, and this build comes to {played:?}; {why}{}\nwhat went in: {record:?}",
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
    fn a_right_journal_is_proven_tick_by_tick() {
        let mut right = room(3);
        right.play(310);
        let proven = verify::<Crowd>(&store(&right.end("room_closed")), Ending::Stopped);
        assert_eq!(proven, Proven { rooms: 1, ticks: 310, checksums: 311, failed: 0 });
    }

    #[test]
    #[should_panic(expected = "run-00001-room-000007.journal: at tick 41 the journal says")]
    fn a_journal_that_differs_fails_its_scenario_with_room_and_tick() {
        let (mut astray, mut other) = (room(3), room(4));
        astray.play(40);
        other.play(40);
        std::mem::swap(astray.game_mut(), other.game_mut());
        astray.play(20);
        drop(Proof::<Crowd>::of(store(astray.bytes())));
    }

    #[test]
    #[should_panic(expected = "a room that was stopped has an end")]
    fn a_journal_without_an_end_fails_a_scenario_that_stopped_its_server() {
        let mut right = room(3);
        right.play(20);
        verify::<Crowd>(&store(right.bytes()), Ending::Stopped);
    }
}
