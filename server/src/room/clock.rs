//! A room's clock: when the room's task must wake up, and how many steps are due. Has no I/O; the caller passes the time.
//!
//! The time of each step is computed from the clock's start, so a late step does not delay the next ones. A room that is late catches up by
//! at most [`MAX_CATCH_UP_STEPS`] steps at once; the times of further steps are skipped. A room whose steps take longer than their period
//! does not catch up, because it would only fall behind further: it skips the times of all steps that it has missed.

use std::time::Duration;

use quarrel_shared::tick::{Tick, TickRate};

/// The maximum number of steps at once. Making up for a long stall in full would stall the room's players a second time.
pub const MAX_CATCH_UP_STEPS: u64 = 4;

/// The weight of a new step in the mean duration of steps: 1/8.
const STEP_TIME_WEIGHT: u32 = 8;

/// The maximum number of periods that one step counts for in the load, so that one step that a stall of the machine delays does not make a
/// room overloaded.
const MAX_STEP_PERIODS: u32 = 2;

/// Work of a room delays others when it takes more than a quarter of a period; for steps, their average counts.
const SLOW_PERIOD_PART: u32 = 4;

/// The unit of the room's time line is 1/16 tick.
const PARTS_PER_TICK: u128 = 16;

const NANOS: u128 = 1_000_000_000;

/// A room's clock. Times are durations since the caller's epoch.
#[derive(Clone, Debug)]
pub struct RoomClock {
    rate: TickRate,
    /// The time one period before the first step, moved forward by the time of skipped steps.
    start: Duration,
    /// The number of steps made.
    steps: u64,
    /// The room's tick before the first step: 0 for a new room.
    first_tick: Tick,
    /// The mean duration of the newest steps.
    step_time: Duration,
    /// The same mean, with each step counted for at most [`MAX_STEP_PERIODS`].
    load: Duration,
}

/// The steps that are due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The number of steps to make, at most [`MAX_CATCH_UP_STEPS`].
    pub steps: u32,
    /// The number of steps that are not made because the room is too late. No tick number is left out.
    pub skipped: u64,
    /// The time since the first of these steps was due.
    pub late: Duration,
}

impl RoomClock {
    /// Creates the clock of a new room, whose tick 0 is at `start`. The first step is due a period later.
    #[must_use]
    pub const fn new(rate: TickRate, start: Duration) -> Self {
        Self { rate, start, steps: 0, first_tick: Tick(0), step_time: Duration::ZERO, load: Duration::ZERO }
    }

    /// Returns the clock for a room that was restored at this tick: the next tick is due a period after the clock's start.
    #[must_use]
    pub const fn after(self, tick: Tick) -> Self {
        Self { first_tick: tick, ..self }
    }

    /// The time of the next step.
    #[must_use]
    pub fn next_wake(&self) -> Duration {
        self.start + self.duration_of(self.steps + 1)
    }

    /// Returns the number of steps that are due at `now`, and counts them as made.
    pub fn due(&mut self, now: Duration) -> Due {
        let late = now.saturating_sub(self.next_wake());
        let elapsed = now.saturating_sub(self.start).as_nanos();
        let ticks = (elapsed * u128::from(self.rate.hz()) / NANOS) as u64;
        let due = ticks.saturating_sub(self.steps);
        let skipped = due.saturating_sub(if self.is_overloaded() { 1 } else { MAX_CATCH_UP_STEPS });
        self.start += self.duration_of(skipped);
        let steps = due - skipped;
        self.steps += steps;
        Due { steps: steps as u32, skipped, late }
    }

    /// Records the duration of a step.
    pub fn record_step(&mut self, duration: Duration) {
        let counted = duration.min(self.duration_of(1) * MAX_STEP_PERIODS);
        let mean = |mean: Duration, new| (mean * (STEP_TIME_WEIGHT - 1) + new) / STEP_TIME_WEIGHT;
        self.step_time = mean(self.step_time, duration);
        self.load = mean(self.load, counted);
    }

    /// The mean duration of the newest steps.
    #[must_use]
    pub const fn step_time(&self) -> Duration {
        self.step_time
    }

    /// Whether steps take so long that they delay other rooms on the same thread.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.delays_others(self.load)
    }

    /// Whether work of this duration delays other rooms on the same thread.
    #[must_use]
    pub fn delays_others(&self, work: Duration) -> bool {
        work * SLOW_PERIOD_PART > self.duration_of(1)
    }

    /// Whether steps take longer than their period.
    fn is_overloaded(&self) -> bool {
        self.load > self.duration_of(1)
    }

    /// Converts a time to the room's time line, in 1/16 tick: the step that makes tick `n` is at `16 n`.
    #[must_use]
    pub fn sixteenths(&self, at: Duration) -> i64 {
        let elapsed = at.saturating_sub(self.start).as_nanos();
        (elapsed * u128::from(self.rate.hz()) * PARTS_PER_TICK / NANOS) as i64
            + i64::from(self.first_tick.0) * PARTS_PER_TICK as i64
    }

    /// The duration of this number of ticks, rounded up to a nanosecond, because a wake-up must not be early.
    fn duration_of(&self, ticks: u64) -> Duration {
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
    fn every_wake_up_finds_one_step_due_and_the_clock_does_not_drift() {
        let mut clock = clock(30);
        for _ in 0..100_000 {
            assert_eq!(clock.due(clock.next_wake()), Due { steps: 1, skipped: 0, late: Duration::ZERO });
        }
        assert_eq!(
            clock.next_wake(),
            START + Duration::from_nanos(100_001 * 1_000_000_000u64.div_ceil(30) - 66_667)
        );
    }

    #[test]
    fn a_late_step_does_not_move_the_next_one() {
        let mut clock = clock(10);
        let late = clock.next_wake() + Duration::from_millis(70);
        assert_eq!(clock.due(late).steps, 1);
        assert_eq!(clock.next_wake(), START + Duration::from_millis(200));
    }

    #[test]
    fn no_step_is_due_before_its_time() {
        let mut clock = clock(30);
        assert_eq!(clock.due(clock.next_wake() - Duration::from_nanos(1)).steps, 0);
    }

    #[test]
    fn after_a_long_stall_four_steps_are_due_and_the_others_are_skipped() {
        let mut clock = clock(10);
        let now = START + Duration::from_secs(5);
        let late = Duration::from_millis(4900);
        assert_eq!(clock.due(now), Due { steps: 4, skipped: 46, late });
        assert_eq!(clock.next_wake(), now + Duration::from_millis(100));
    }

    #[test]
    fn a_room_whose_steps_exceed_their_period_does_not_catch_up_until_they_are_short_again() {
        let mut clock = clock(10);
        for _ in 0..50 {
            clock.record_step(Duration::from_millis(110));
        }
        assert!(clock.is_slow());
        let now = START + Duration::from_millis(350);
        assert_eq!((clock.due(now).steps, clock.next_wake()), (1, START + Duration::from_millis(400)));
        for _ in 0..50 {
            clock.record_step(Duration::from_millis(20));
        }
        assert!(!clock.is_slow());
        assert_eq!(clock.due(now + Duration::from_millis(300)).steps, 3);
    }

    #[test]
    fn a_single_slow_step_makes_no_room_overloaded() {
        let mut clock = clock(10);
        for _ in 0..50 {
            clock.record_step(Duration::from_millis(2));
        }
        clock.record_step(Duration::from_millis(900));
        assert!(!clock.is_overloaded());
        assert_eq!(clock.due(START + Duration::from_millis(400)).steps, 4, "the room catches up");
    }

    #[test]
    fn the_time_line_counts_sixteenths_of_a_tick_from_the_restored_tick() {
        let clock = clock(10);
        assert_eq!(clock.sixteenths(START + Duration::from_millis(100)), 16);
        assert_eq!(clock.sixteenths(START + Duration::from_millis(150)), 24);
        let restored = clock.clone().after(Tick(100));
        assert_eq!(restored.sixteenths(START + Duration::from_millis(150)), 1624);
        assert_eq!(restored.next_wake(), clock.next_wake());
    }
}
