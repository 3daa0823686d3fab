//! The possible victims of a hit: the arguments of the hit tests, which never read the current world.

use crate::{arena::team::Allegiance, game::Point};

/// A possible victim of an instant hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::arena) struct Target {
    /// Seat and team.
    pub allegiance: Allegiance,
    /// Position of the fighter's centre.
    pub at: Point,
}

/// A possible victim of a bolt in flight, with its motion in this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::arena) struct TickMotion {
    /// Seat and team.
    pub allegiance: Allegiance,
    /// Position before the tick.
    pub from: Point,
    /// Position after the tick.
    pub to: Point,
}
