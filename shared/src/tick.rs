//! Tick numbers and tick rates. This crate has no clock: it measures time in ticks.

use std::fmt;

/// The number of a room's simulation step. Tick 0 is the initial state, and the first step is tick 1. Saturates instead of wrapping, after
/// 828 days at 60 Hz (2^32 / 60 seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Tick(pub u32);

impl Tick {
    /// Returns the tick after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the number of ticks from `earlier` to this tick; 0 if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the tick that is `ticks` later.
    #[must_use]
    pub const fn after(self, ticks: u32) -> Self {
        Self(self.0.saturating_add(ticks))
    }

    /// Returns the tick that is `ticks` earlier, but not before tick 0.
    #[must_use]
    pub const fn before(self, ticks: u32) -> Self {
        Self(self.0.saturating_sub(ticks))
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The number of simulation steps per second, 1 to 128. Converts milliseconds to ticks, so that server and clients round alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TickRate(u16);

impl TickRate {
    /// The allowed rates, in Hz.
    pub const RANGE: std::ops::RangeInclusive<u16> = 1..=128;

    /// The default rate of rooms: 30 Hz, which most games of this kind use.
    pub const DEFAULT: Self = Self(30);

    /// Creates a rate; `None` if `hz` is outside [`Self::RANGE`].
    #[must_use]
    pub fn new(hz: u16) -> Option<Self> {
        Self::RANGE.contains(&hz).then_some(Self(hz))
    }

    /// Returns the rate in Hz.
    #[must_use]
    pub const fn hz(self) -> u16 {
        self.0
    }

    /// Returns the number of ticks in `ms` milliseconds, rounded up; at least 1.
    #[must_use]
    pub const fn ticks(self, ms: u32) -> u32 {
        let ticks = (ms as u64 * self.0 as u64).div_ceil(1000);
        if ticks == 0 { 1 } else { ticks as u32 }
    }

    /// Returns the number of ticks from one snapshot to the next at `send_rate` snapshots per second, rounded up; at least 1. If the tick
    /// rate is not a multiple of `send_rate`, it is the longest such interval. A `send_rate` of 0 counts as 1.
    #[must_use]
    pub const fn ticks_per_send(self, send_rate: u16) -> u32 {
        let sends = if send_rate == 0 { 1 } else { send_rate };
        let ticks = self.0.div_ceil(sends);
        if ticks == 0 { 1 } else { ticks as u32 }
    }

    /// Returns the length of one tick in nanoseconds, rounded down.
    #[must_use]
    pub const fn period_ns(self) -> u64 {
        1_000_000_000 / self.0 as u64
    }
}

impl Default for TickRate {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seconds_last_sixty_ticks_at_thirty_hertz() {
        assert_eq!(TickRate::default().ticks(2000), 60);
    }

    #[test]
    fn a_duration_shorter_than_a_tick_is_one_tick() {
        assert_eq!(TickRate::new(1).unwrap().ticks(5), 1);
    }

    #[test]
    fn the_interval_of_snapshots_is_rounded_up_to_whole_ticks() {
        let interval = |hz, send_rate| TickRate::new(hz).unwrap().ticks_per_send(send_rate);
        assert_eq!([interval(30, 30), interval(60, 30), interval(60, 25), interval(20, 60)], [1, 2, 3, 1]);
    }

    #[test]
    fn a_rate_outside_the_range_is_rejected() {
        assert_eq!((TickRate::new(0), TickRate::new(129)), (None, None));
    }
}
