//! What a seat hears of what it does not see.
//!
//! Players hear round corners. A server that tells them nothing of an unseen shot keeps the secret and loses the game; one that
//! tells where it was gives the secret away. So a sound is told with its place rounded ([`Event::HEARD_WITHIN`]) and no more.
//!
//! [`Event::HEARD_WITHIN`]: super::Event::HEARD_WITHIN

use super::{Arena, Seated};
use crate::{
    game::{Audience, Point, UNIT},
    id::SeatId,
};

/// How far a weapon is heard, in 1/256 unit: as far as eyes reach, walls or not. So of two shots equally far away, neither is
/// unknown.
const RANGE: u32 = 24 * UNIT as u32;

impl Arena {
    /// Everybody near enough to hear what was done here, but for those who see it.
    pub(super) fn who_only_hear(&self, at: Point, seeing: &Audience) -> Vec<SeatId> {
        let hears = |seated: &&Seated| {
            let fighter = &seated.fighter.state;
            fighter.body.at.distance(at) <= RANGE && !seeing.includes(fighter.seat)
        };
        self.seated().filter(hears).map(|seated| seated.fighter.state.seat).collect()
    }
}
