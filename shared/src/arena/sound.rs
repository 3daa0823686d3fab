//! Sounds of shots out of sight.
//!
//! Players expect sound from behind corners. A server that sends nothing of an unseen shot keeps the secret and spoils the
//! game; one that sends the exact position gives it away. So a sound carries a rounded position ([`Event::SOUND_CELL`])
//! only.
//!
//! [`Event::SOUND_CELL`]: super::Event::SOUND_CELL

use super::state::{Arena, Player};
use crate::{
    game::{Audience, Point, UNIT},
    id::SeatId,
};

/// Earshot of a weapon, in 1/256 unit: as far as the range of sight, walls or not. So of two shots at equal distance, both
/// are perceived.
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
