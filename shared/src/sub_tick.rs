//! A point on a room's time line that may lie between two ticks: where a screen is.
//!
//! Screens draw others between two snapshots, so what a player saw when they let go of a bow is no whole tick. Whoever judges
//! that shot needs the very same point, so it travels with the input.

use std::fmt;

use crate::tick::Tick;

/// A time in 1/16 tick since tick 0. At 30 Hz that is 2 ms: a runner covers 3/256 of a unit in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SubTick(u64);

impl SubTick {
    /// How many parts a tick has.
    pub const PER_TICK: u32 = 16;

    /// The moment at which a tick was made.
    #[must_use]
    pub const fn of(tick: Tick) -> Self {
        Self(tick.0 as u64 * Self::PER_TICK as u64)
    }

    /// So many sixteenths after tick 0.
    #[must_use]
    pub const fn from_sixteenths(sixteenths: u64) -> Self {
        Self(sixteenths)
    }

    /// How many sixteenths after tick 0.
    #[must_use]
    pub const fn sixteenths(self) -> u64 {
        self.0
    }

    /// The last tick that was made by then.
    #[must_use]
    pub const fn tick(self) -> Tick {
        let tick = self.0 / Self::PER_TICK as u64;
        Tick(if tick > u32::MAX as u64 { u32::MAX } else { tick as u32 })
    }

    /// How far towards the next tick, in [`Self::PER_TICK`].
    #[must_use]
    pub const fn part(self) -> u32 {
        (self.0 % Self::PER_TICK as u64) as u32
    }

    /// How many sixteenths this lies after `earlier`; negative when before it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }

    /// So many sixteenths later, or earlier when negative; never before tick 0.
    #[must_use]
    pub const fn offset(self, sixteenths: i64) -> Self {
        Self(self.0.saturating_add_signed(sixteenths))
    }
}

impl fmt::Display for SubTick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}/{}", self.tick(), self.part(), Self::PER_TICK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_between_two_ticks_knows_both_its_tick_and_its_part() {
        let moment = SubTick::of(Tick(7)).offset(21);
        assert_eq!((moment.tick(), moment.part()), (Tick(8), 5));
        assert_eq!(moment.since(SubTick::of(Tick(7))), 21);
        assert_eq!(SubTick::of(Tick(1)).offset(-40), SubTick::default(), "time begins at tick 0");
    }
}
