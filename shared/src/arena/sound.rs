//! Sounds of shots out of sight.
//!
//! Players expect sound from behind corners. Sending nothing of an unseen shot spoils the game, and sending the exact
//! position reveals the shooter. So a sound carries a rounded position ([`Event::SOUND_CELL`]) only.
//!
//! [`Event::SOUND_CELL`]: super::Event::SOUND_CELL

use super::state::{Arena, Player};
use crate::{
    game::{Audience, Point, UNIT},
    id::SeatId,
};

/// Earshot of a weapon, in 1/256 unit: equal to the range of sight, and not reduced by walls, so that every shot in range
/// is either seen or perceived as a sound.
const RANGE: u32 = 24 * UNIT as u32;

impl Arena {
    /// The seats in earshot of a shot at `at`, except those that see it.
    pub(super) fn seats_in_earshot(&self, at: Point, seeing: &Audience) -> Vec<SeatId> {
        let is_in_earshot = |player: &&Player| {
            let fighter = &player.fighter.state;
            fighter.body.at.distance(at) <= RANGE && !seeing.includes(fighter.seat)
        };
        self.players().filter(is_in_earshot).map(|player| player.fighter.state.seat).collect()
    }
}
