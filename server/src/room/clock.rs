//! When a room steps. Pure: it is told the time and answers when to wake and how many steps are due.
//!
//! Deadlines are absolute, so lateness never adds up. A room that falls behind catches up by at most [`CATCH_UP`] steps at once;
//! past that it lets time slip, and says so.

use std::time::Duration;

use quarrel_shared::tick::{Tick, TickRate};

/// The most steps at once. More would stall the room's players for as long as it had already stalled them.
pub const CATCH_UP: u64 = 4;

/// Margins are told in this fraction of a tick.
const FRACTIONS: u128 = 16;

const NANOS: u128 = 1_000_000_000;

/// A room's clock. Times are durations since an epoch of the caller's.
#[derive(Clone, Debug)]
pub struct RoomClock {
    rate: TickRate,
    /// When tick 0 was, after whatever slipped.
    start: Duration,
    /// Steps made.
    stepped: u64,
    /// The tick of the room when the clock began.
    first: Tick,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// How many steps to make, at most [`CATCH_UP`].
    pub steps: u32,
    /// How many ticks were let go.
    pub slipped: u64,
}

impl RoomClock {
    /// A clock whose tick 0 is at `start`; the first step is due a period later.
    #[must_use]
    pub const fn new(rate: TickRate, start: Duration) -> Self {
        Self { rate, start, stepped: 0, first: Tick(0) }
    }

    /// The same for a room that was brought back after this tick: the next one is due a period after the clock's start.
    #[must_use]
    pub const fn after(self, tick: Tick) -> Self {
        Self { first: tick, ..self }
    }

    /// When the next step is due.
    #[must_use]
    pub fn wake(&self) -> Duration {
        self.start + self.since_start(self.stepped + 1)
    }

    /// What is due at `now`; the steps count as made.
    pub fn due(&mut self, now: Duration) -> Due {
        let elapsed = now.saturating_sub(self.start).as_nanos();
        let ticks = (elapsed * u128::from(self.rate.hz()) / NANOS) as u64;
        let behind = ticks.saturating_sub(self.stepped);
        let slipped = behind.saturating_sub(CATCH_UP);
        self.start += self.since_start(slipped);
        let steps = behind - slipped;
        self.stepped += steps;
        Due { steps: steps as u32, slipped }
    }

    /// Where a moment lies on the room's time line, in 1/16 tick: the step of tick `n` lies at `16 n`.
    #[must_use]
    pub fn sixteenths(&self, at: Duration) -> i64 {
        let elapsed = at.saturating_sub(self.start).as_nanos();
        (elapsed * u128::from(self.rate.hz()) * FRACTIONS / NANOS) as i64
            + i64::from(self.first.0) * FRACTIONS as i64
    }

    /// How long `ticks` last, rounded up so that a wake-up is never a nanosecond early.
    fn since_start(&self, ticks: u64) -> Duration {
        let nanos = (u128::from(ticks) * NANOS).div_ceil(u128::from(self.rate.hz()));
        Duration::from_nanos(nanos as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_millis(500);

    fn clock(hz: u16) -> RoomClock {
        RoomClock::new(TickRate::new(hz).unwrap(), START)
    }

    #[test]
    fn every_wake_up_finds_exactly_one_step_due_and_a_day_does_not_drift() {
        let mut clock = clock(30);
        for _ in 0..100_000 {
            assert_eq!(clock.due(clock.wake()), Due { steps: 1, slipped: 0 });
        }
        assert_eq!(
            clock.wake(),
            START + Duration::from_nanos(100_001 * 1_000_000_000u64.div_ceil(30) - 66_667)
        );
    }

    #[test]
    fn a_late_step_does_not_move_the_next_one() {
        let mut clock = clock(10);
        let late = clock.wake() + Duration::from_millis(70);
        assert_eq!(clock.due(late).steps, 1);
        assert_eq!(clock.wake(), START + Duration::from_millis(200));
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut clock = clock(30);
        assert_eq!(clock.due(clock.wake() - Duration::from_nanos(1)).steps, 0);
    }

    #[test]
    fn a_long_stall_is_caught_up_by_four_steps_and_the_rest_slips() {
        let mut clock = clock(10);
        let now = START + Duration::from_secs(5);
        assert_eq!(clock.due(now), Due { steps: 4, slipped: 46 });
        assert_eq!(clock.wake(), now + Duration::from_millis(100));
    }

    #[test]
    fn a_moment_between_two_steps_is_told_in_sixteenths() {
        let clock = clock(10);
        assert_eq!(clock.sixteenths(START + Duration::from_millis(100)), 16);
        assert_eq!(clock.sixteenths(START + Duration::from_millis(150)), 24);
        let resumed = clock.clone().after(Tick(100));
        assert_eq!(resumed.sixteenths(START + Duration::from_millis(150)), 1624);
        assert_eq!(resumed.wake(), clock.wake());
    }
}
