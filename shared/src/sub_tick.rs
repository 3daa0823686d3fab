//! A point in a room's time at sub-tick resolution: the time that a client renders.
//!
//! A client interpolates other players' entities between two snapshots, so a player shoots at a world that lies between two ticks.
//! Lag compensation must judge the shot at exactly that time, so the time travels with the input.

use std::fmt;

use crate::tick::Tick;

/// A time in 1/16 tick since tick 0. At 30 Hz that is 2 ms: a runner covers 3/256 of a unit in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SubTick(u64);

impl SubTick {
    /// Parts of one tick.
    pub const PER_TICK: u32 = 16;

    /// The time at which `tick` is complete.
    #[must_use]
    pub const fn of(tick: Tick) -> Self {
        Self(tick.0 as u64 * Self::PER_TICK as u64)
    }

    /// The time `sixteenths` of a tick after tick 0.
    #[must_use]
    pub const fn from_sixteenths(sixteenths: u64) -> Self {
        Self(sixteenths)
    }

    /// The time since tick 0, in 1/16 tick.
    #[must_use]
    pub const fn sixteenths(self) -> u64 {
        self.0
    }

    /// The last tick that is complete at this time.
    #[must_use]
    pub const fn tick(self) -> Tick {
        let tick = self.0 / Self::PER_TICK as u64;
        Tick(if tick > u32::MAX as u64 { u32::MAX } else { tick as u32 })
    }

    /// The time since [`Self::tick`], in 1/16 tick: 0 to 15.
    #[must_use]
    pub const fn part(self) -> u32 {
        (self.0 % Self::PER_TICK as u64) as u32
    }

    /// The time from `earlier` to this one, in 1/16 tick; negative if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }

    /// Returns the time `sixteenths` of a tick later, or earlier if negative; never before tick 0.
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
    fn a_time_between_two_ticks_has_a_tick_and_a_part() {
        let time = SubTick::of(Tick(7)).offset(21);
        assert_eq!((time.tick(), time.part()), (Tick(8), 5));
        assert_eq!(time.since(SubTick::of(Tick(7))), 21);
        assert_eq!(SubTick::of(Tick(1)).offset(-40), SubTick::default(), "time begins at tick 0");
    }
}
