//! The sync test: makes each step twice, and finds the first tick at which a game is not deterministic. Has no I/O.
//!
//! Before each tick the game's state is saved and loaded into a second game, the *double*, and both games are stepped with the same entries
//! (inputs and seat changes). This takes a few times as long as one step, so it is meant for development and tests. A replay of a journal
//! finds a game that is not deterministic too, but only after the match, and only between two recorded checksums.

use std::fmt;

use quarrel_shared::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Differences, Game, Outbox, Setup, differences, differences_between},
    journal::Entries,
    tick::Tick,
};

/// Steps a game and a double of it, and stores the first tick at which they differ.
pub struct SyncTest<G: Game> {
    setup: Setup<G::Settings>,
    /// Buffers for the saved states of the game and of the double, kept so that a tick does not allocate them.
    saved: [BitWriter; 2],
    /// The events of the game and of the double in one tick.
    events: [Outbox<G::Event>; 2],
    mismatch: Option<Mismatch>,
}

/// The first tick that cannot be repeated with the same result, and the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The tick whose repetition differs.
    pub tick: Tick,
    /// The reason.
    pub fault: SyncFault,
}

/// Reasons why a tick cannot be repeated with the same result.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncFault {
    /// The game cannot load the state before the tick, although it has saved that state itself.
    Load(BitsError),
    /// The state before the tick is different after it was saved and loaded: the game does not save a part of it, or loads it wrongly.
    Saved(Differences),
    /// The same entries led to another state: the step depends on something outside of the saved state.
    State(Differences),
    /// The same entries led to the same state and to other events.
    Events(Differences),
}

/// The maximum number of differences that a fault lists: the first few show the cause, and the log line stays readable.
const MAX_NAMED: usize = 8;

impl<G: Game> SyncTest<G> {
    /// Creates a sync test for a room with this setup.
    pub fn new(setup: Setup<G::Settings>) -> Self {
        let saved = [BitWriter::new(), BitWriter::new()];
        Self { setup, saved, events: [Outbox::new(), Outbox::new()], mismatch: None }
    }

    /// Steps the game as [`Entries::apply`] does, steps a double with the same entries, and compares the results.
    pub fn step(
        &mut self,
        game: &mut G,
        entries: &Entries<G::Input>,
        tick: Tick,
        events: &mut Outbox<G::Event>,
    ) {
        let double = self.double(game);
        let rate = self.setup.tick_rate;
        entries.apply(game, tick, rate, &mut self.events[0]);
        let checked = double.and_then(|mut double| {
            entries.apply(&mut double, tick, rate, &mut self.events[1]);
            self.compare(game, &double)
        });
        if let (Err(fault), None) = (checked, &self.mismatch) {
            self.mismatch = Some(Mismatch { tick, fault });
        }
        let [first, second] = &mut self.events;
        first.drain().for_each(|(audience, event)| events.push(audience, event));
        second.drain().for_each(drop);
    }

    /// The first tick that could not be repeated; `None` while all were.
    pub const fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// Creates the double: saves the game's state and loads it into a second game. Fails if the two differ.
    fn double(&mut self, game: &G) -> Result<G, SyncFault> {
        let [saved, double_saved] = &mut self.saved;
        let saved = save(game, saved);
        let double = G::load(&self.setup, &mut BitReader::new(saved)).map_err(SyncFault::Load)?;
        if saved != save(&double, double_saved) || !entities_are_equal(game, &double) {
            return Err(SyncFault::Saved(differences(game, &double, MAX_NAMED)));
        }
        Ok(double)
    }

    /// Compares the states and the events of the game and of the double after a step.
    fn compare(&mut self, game: &G, double: &G) -> Result<(), SyncFault> {
        let [one, other] = &mut self.saved;
        // The saved bytes are compared and not their checksums, because both are in memory.
        if save(game, one) != save(double, other) || !entities_are_equal(game, double) {
            return Err(SyncFault::State(differences(game, double, MAX_NAMED)));
        }
        let [first, second] = &self.events;
        if first != second {
            return Err(SyncFault::Events(differences_between(first, second, MAX_NAMED)));
        }
        Ok(())
    }
}

/// Saves the game's state into a reused buffer.
fn save<'a, G: Game>(game: &G, out: &'a mut BitWriter) -> &'a [u8] {
    out.clear();
    game.save(out);
    out.finish()
}

/// Returns true if both games have equal entities. Equal saved states do not imply this: an entity may have fields that are not saved.
fn entities_are_equal<G: Game>(one: &G, other: &G) -> bool {
    one.entities().iter().eq(other.entities().iter())
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {}: {}", self.tick, self.fault)
    }
}

/// Writes one line, for the log.
impl fmt::Display for SyncFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fault, differences) = match self {
            Self::Load(error) => return write!(f, "the game cannot load the state that it saved: {error}"),
            Self::Saved(differences) => ("the state changed when it was saved and loaded", differences),
            Self::State(differences) => {
                ("the same step from the same state led to two different states", differences)
            }
            Self::Events(differences) => {
                ("the same step from the same state led to different events", differences)
            }
        };
        write!(f, "{fault}: {}", differences.to_string().replace('\n', "; "))
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::{Checksum, Occupant, checksum},
        id::SeatId,
        journal::SeatChange,
        tick::TickRate,
    };

    use super::*;

    const SEATS: u16 = 20;

    /// Steps a crowd 100 times, with or without a sync test, and returns the checksum after each step.
    fn checksums(mut test: Option<SyncTest<Crowd>>, setup: &Setup<CrowdSettings>) -> Vec<Checksum> {
        let mut crowd = Crowd::new(setup);
        let mut entries = Entries::idle(SEATS);
        entries.changes = (0..SEATS).map(|seat| SeatChange::Taken(SeatId(seat), Occupant::Bot)).collect();
        let mut events = Outbox::new();
        let mut scratch = BitWriter::new();
        let step = |tick| {
            match &mut test {
                Some(test) => test.step(&mut crowd, &entries, Tick(tick), &mut events),
                None => entries.apply(&mut crowd, Tick(tick), setup.tick_rate, &mut events),
            }
            entries.changes.clear();
            assert_eq!(test.as_ref().and_then(SyncTest::mismatch), None, "a crowd is deterministic");
            checksum(&crowd, &mut scratch)
        };
        (1..=100).map(step).collect()
    }

    #[test]
    fn a_deterministic_game_has_the_same_states_with_and_without_the_test() {
        let setup =
            Setup { settings: CrowdSettings {}, seed: 5, seats: SEATS, tick_rate: TickRate::default() };
        let tested = checksums(Some(SyncTest::new(setup.clone())), &setup);
        assert_eq!(tested, checksums(None, &setup));
    }
}
