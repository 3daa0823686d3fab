//! Every step made twice: a game that does not do the same from the same state with the same entries is caught in the act.
//!
//! A replay finds such a game too, but only when somebody plays the match again, and then hours of it may have to be searched.
//! Here the state is saved before each tick, loaded into a second game, and both are stepped with the same entries. That takes a
//! few times as long as one step, so it is for development and tests.

use std::fmt;

use quarrel_shared::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Differences, Game, Outbox, Setup, differences, differences_between},
    journal::Entries,
    tick::Tick,
};

/// Steps a game twice and remembers the first tick at which that made a difference.
pub struct SyncTest<G: Game> {
    setup: Setup<G::Settings>,
    /// What the game and its double save, one after the other. Kept, so that a tick allocates no new ones.
    saved: [BitWriter; 2],
    /// What the game and its double say in one tick.
    said: [Outbox<G::Event>; 2],
    mismatch: Option<Mismatch>,
}

/// A tick that cannot be played again, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The first such tick.
    pub tick: Tick,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a tick.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The state before it cannot be loaded: the game refuses what it saved itself.
    Load(BitsError),
    /// The state before it is another one after it was saved and loaded: the game saves too little, or loads it wrongly.
    Saved(Differences),
    /// The same entries made another state: the game asks something outside of its state.
    State(Differences),
    /// The same entries made the same state and other events.
    Events(Differences),
}

/// How many differences are named: the first few lead to the cause, and a line of a log stays readable.
const MOST_NAMED: usize = 8;

impl<G: Game> SyncTest<G> {
    /// For a room of this setup.
    pub fn new(setup: Setup<G::Settings>) -> Self {
        let saved = [BitWriter::new(), BitWriter::new()];
        Self { setup, saved, said: [Outbox::new(), Outbox::new()], mismatch: None }
    }

    /// Makes the game's next tick, as [`Entries::apply`] does, and once more beside it.
    pub fn step(
        &mut self,
        game: &mut G,
        entries: &Entries<G::Input>,
        tick: Tick,
        events: &mut Outbox<G::Event>,
    ) {
        let double = self.double(game);
        let rate = self.setup.tick_rate;
        entries.apply(game, tick, rate, &mut self.said[0]);
        let checked = double.and_then(|mut double| {
            entries.apply(&mut double, tick, rate, &mut self.said[1]);
            self.compare(game, &double)
        });
        if let (Err(fault), None) = (checked, &self.mismatch) {
            self.mismatch = Some(Mismatch { tick, fault });
        }
        let [said, again] = &mut self.said;
        said.drain().for_each(|(audience, event)| events.push(audience, event));
        again.drain().for_each(drop);
    }

    /// The first tick that cannot be played again, if there was one.
    pub const fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_ref()
    }

    /// A second game in the same state, by way of what the first one saves.
    fn double(&mut self, game: &G) -> Result<G, Fault> {
        let [saved, again] = &mut self.saved;
        let saved = save(game, saved);
        let double = G::load(&self.setup, &mut BitReader::new(saved)).map_err(Fault::Load)?;
        if saved != save(&double, again) || !look_alike(game, &double) {
            return Err(Fault::Saved(differences(game, &double, MOST_NAMED)));
        }
        Ok(double)
    }

    /// What one step made of both.
    fn compare(&mut self, game: &G, double: &G) -> Result<(), Fault> {
        let [one, other] = &mut self.saved;
        // The saved bytes are compared, not their checksums: both are at hand.
        if save(game, one) != save(double, other) || !look_alike(game, double) {
            return Err(Fault::State(differences(game, double, MOST_NAMED)));
        }
        let [said, again] = &self.said;
        if said != again {
            return Err(Fault::Events(differences_between(said, again, MOST_NAMED)));
        }
        Ok(())
    }
}

/// Saves into a buffer that was used before.
fn save<'a, G: Game>(game: &G, out: &'a mut BitWriter) -> &'a [u8] {
    out.clear();
    game.save(out);
    out.finish()
}

/// Whether both show the same to those who watch: an entity may have more to it than is saved.
fn look_alike<G: Game>(one: &G, other: &G) -> bool {
    one.entities().iter().eq(other.entities().iter())
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {}: {}", self.tick, self.fault)
    }
}

/// On one line, as a log wants it.
impl fmt::Display for Fault {
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

    /// Steps a crowd so often, with or without the test, and gives its checksums.
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
    fn a_deterministic_game_plays_as_if_it_were_not_watched() {
        let setup =
            Setup { settings: CrowdSettings {}, seed: 5, seats: SEATS, tick_rate: TickRate::default() };
        let watched = checksums(Some(SyncTest::new(setup.clone())), &setup);
        assert_eq!(watched, checksums(None, &setup));
    }
}
