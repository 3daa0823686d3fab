//! The sync test: makes every step twice, and finds the first tick at which a game is not deterministic.
//!
//! A replay finds such a game too, but only when the match is played again, and then hours of it may have to be searched.
//! Here the state is saved before each tick and loaded into a second game, and both are stepped with the same entries. That
//! takes a few times as long as one step, so it is for development and tests.

use std::fmt;

use quarrel_shared::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Differences, Game, Outbox, Setup, differences, differences_between},
    journal::Entries,
    tick::Tick,
};

/// Steps a game twice and stores the first tick at which the results differ.
pub struct SyncTest<G: Game> {
    setup: Setup<G::Settings>,
    /// The saved states of the game and its double, kept so that a tick allocates nothing.
    saved: [BitWriter; 2],
    /// The events of the game and its double in one tick.
    events: [Outbox<G::Event>; 2],
    mismatch: Option<Mismatch>,
}

/// A tick that cannot be repeated, and the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The first such tick.
    pub tick: Tick,
    /// The reason.
    pub fault: SyncFault,
}

/// Reasons why a tick cannot be repeated.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncFault {
    /// The state before the tick cannot be loaded: the game rejects its own save.
    Load(BitsError),
    /// The state before the tick changes when it is saved and loaded: the game saves too little, or loads it wrongly.
    Saved(Differences),
    /// The same entries gave another state: the game depends on something outside of its state.
    State(Differences),
    /// The same entries gave the same state and other events.
    Events(Differences),
}

/// The maximum number of named differences: the first few lead to the cause, and a log line stays readable.
const MAX_NAMED: usize = 8;

impl<G: Game> SyncTest<G> {
    /// A sync test for a room of this setup.
    pub fn new(setup: Setup<G::Settings>) -> Self {
        let saved = [BitWriter::new(), BitWriter::new()];
        Self { setup, saved, events: [Outbox::new(), Outbox::new()], mismatch: None }
    }

    /// Steps the game as [`Entries::apply`] does, and its double beside it.
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

    /// Returns the first tick that cannot be repeated, if there is one.
    pub const fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// Returns a second game in the same state, by saving and loading the first.
    fn double(&mut self, game: &G) -> Result<G, SyncFault> {
        let [saved, double_saved] = &mut self.saved;
        let saved = save(game, saved);
        let double = G::load(&self.setup, &mut BitReader::new(saved)).map_err(SyncFault::Load)?;
        if saved != save(&double, double_saved) || !look_alike(game, &double) {
            return Err(SyncFault::Saved(differences(game, &double, MAX_NAMED)));
        }
        Ok(double)
    }

    /// Compares the results of one step.
    fn compare(&mut self, game: &G, double: &G) -> Result<(), SyncFault> {
        let [one, other] = &mut self.saved;
        // The saved bytes are compared rather than their checksums, because both are at hand.
        if save(game, one) != save(double, other) || !look_alike(game, double) {
            return Err(SyncFault::State(differences(game, double, MAX_NAMED)));
        }
        let [first, second] = &self.events;
        if first != second {
            return Err(SyncFault::Events(differences_between(first, second, MAX_NAMED)));
        }
        Ok(())
    }
}

/// Saves the game into a reused buffer.
fn save<'a, G: Game>(game: &G, out: &'a mut BitWriter) -> &'a [u8] {
    out.clear();
    game.save(out);
    out.finish()
}

/// Whether both have equal entities: an entity may have fields that are not saved.
fn look_alike<G: Game>(one: &G, other: &G) -> bool {
    one.entities().iter().eq(other.entities().iter())
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {}: {}", self.tick, self.fault)
    }
}

/// One line, for the log.
impl fmt::Display for SyncFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, differences) = match self {
            Self::Load(error) => return write!(f, "the game cannot load the state that it saved: {error}"),
            Self::Saved(differences) => ("a state that was saved and loaded is not the same", differences),
            Self::State(differences) => {
                ("the same step from the same state made two different states", differences)
            }
            Self::Events(differences) => {
                ("the same step from the same state made different events", differences)
            }
        };
        write!(f, "{what}: {}", differences.to_string().replace('\n', "; "))
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

    /// Steps a crowd 100 times, with or without the test, and returns its checksums.
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
    fn a_deterministic_game_plays_the_same_with_and_without_the_test() {
        let setup =
            Setup { settings: CrowdSettings {}, seed: 5, seats: SEATS, tick_rate: TickRate::default() };
        let tested = checksums(Some(SyncTest::new(setup.clone())), &setup);
        assert_eq!(tested, checksums(None, &setup));
    }
}
