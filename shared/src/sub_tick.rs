//! Times in a room with a resolution of 1/16 tick, such as the displayed time of a client.
//!
//! A client interpolates other players' entities between two snapshots, so the world at which a player shoots may be between two ticks.
//! Lag compensation must judge the shot at exactly that time, so the client sends it with each input.

use std::fmt;

use crate::tick::Tick;

/// A time in a room, in 1/16 tick since tick 0. At 30 Hz, 1/16 tick is 2 ms, in which a fighter of Arena runs 3/256 unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SubTick(u64);

impl SubTick {
    /// The number of parts of one tick.
    pub const PER_TICK: u32 = 16;

    /// Returns the time at which `tick` is complete: the time of its state.
    #[must_use]
    pub const fn of(tick: Tick) -> Self {
        Self(tick.0 as u64 * Self::PER_TICK as u64)
    }

    /// Returns the time that is `sixteenths` of a tick after tick 0.
    #[must_use]
    pub const fn from_sixteenths(sixteenths: u64) -> Self {
        Self(sixteenths)
    }

    /// Returns the time since tick 0, in 1/16 tick.
    #[must_use]
    pub const fn sixteenths(self) -> u64 {
        self.0
    }

    /// Returns the last tick that is complete at this time; at most `u32::MAX`.
    #[must_use]
    pub const fn tick(self) -> Tick {
        let tick = self.0 / Self::PER_TICK as u64;
        Tick(if tick > u32::MAX as u64 { u32::MAX } else { tick as u32 })
    }

    /// Returns the time since the last complete tick, [`Self::tick`], in 1/16 tick: 0 to 15.
    #[must_use]
    pub const fn part(self) -> u32 {
        (self.0 % Self::PER_TICK as u64) as u32
    }

    /// Returns the time from `earlier` to this time, in 1/16 tick; negative if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }

    /// Returns the time that is `sixteenths` of a tick later, or earlier if negative; never before tick 0.
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
        assert_eq!(SubTick::of(Tick(1)).offset(-40), SubTick::default(), "no time is before tick 0");
    }
}
