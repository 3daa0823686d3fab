//! The bot of `crowd`: walks at random, and changes its bend (turn rate) about once a second.

use super::walker::Steering;
use crate::{
    game::{Brain, Game, GameRng, Observation},
    tick::Tick,
};

/// The behaviour of a bot that walks at random.
#[derive(Debug)]
pub(super) struct Stroll {
    rng: GameRng,
    bend: i8,
    /// The tick at which the bend changes next.
    until: Tick,
}

impl Stroll {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: GameRng::new(seed, 1), bend: 0, until: Tick(0) }
    }
}

/// Ignores the entities in its view, so it can play any game whose input is [`Steering`].
impl<G: Game<Input = Steering>> Brain<G> for Stroll {
    fn decide(&mut self, seen: Observation<'_, G>) -> Steering {
        if seen.tick >= self.until {
            let second = u32::from(seen.rate.hz());
            self.bend = self.rng.next_u32() as i8;
            self.until = seen.tick.after(second / 2 + self.rng.below(second));
        }
        Steering { bend: self.bend }
    }

    fn needs_view(&self) -> bool {
        false
    }
}
