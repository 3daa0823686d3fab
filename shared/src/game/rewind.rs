//! Lag compensation: the time that each seat saw when it made its input, and a history of recent ticks.
//!
//! An instant shot is judged in the world that its shooter saw; otherwise a player with a round trip could never hit a runner.
//! That takes two things: the time, which travels with the input and is in [`Rewind`], and the positions at that time,
//! which a game keeps in a [`TickHistory`].

use std::collections::VecDeque;

use crate::{
    id::SeatId,
    limits::MAX_REWIND_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The time that each seat saw, clamped to the last [`MAX_REWIND_MS`].
#[derive(Clone, Copy, Debug)]
pub struct Rewind<'a> {
    tick: Tick,
    oldest: SubTick,
    seen: &'a [SubTick],
}

impl<'a> Rewind<'a> {
    /// Creates the rewind for the step to `tick`. `seen` has one element per seat.
    #[must_use]
    pub const fn new(tick: Tick, rate: TickRate, seen: &'a [SubTick]) -> Self {
        Self { tick, oldest: oldest(tick, rate), seen }
    }

    /// Returns the time that this seat saw: at most the step's tick, at least [`MAX_REWIND_MS`] before it. The step's tick for a
    /// seat outside the list.
    #[must_use]
    pub fn of(&self, seat: SeatId) -> SubTick {
        let now = SubTick::of(self.tick);
        self.seen.get(seat.index()).map_or(now, |seen| (*seen).clamp(self.oldest, now))
    }
}

/// The earliest time to which a step to `tick` rewinds.
const fn oldest(tick: Tick, rate: TickRate) -> SubTick {
    SubTick::of(tick).offset(-(max_rewind(rate) as i64))
}

/// [`MAX_REWIND_MS`] in 1/16 tick, rounded down so that a rewind never exceeds it.
#[must_use]
pub(crate) const fn max_rewind(rate: TickRate) -> u32 {
    MAX_REWIND_MS * rate.hz() as u32 * SubTick::PER_TICK / 1000
}

/// A history of the last ticks, one `T` per tick, exactly as long as a rewind may need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickHistory<T> {
    ticks: VecDeque<(Tick, T)>,
    max_ticks: usize,
}

impl<T> TickHistory<T> {
    /// Creates an empty history for a room of this rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        // One more than the bound, because a rewind falls between two ticks, and one for the current tick.
        Self { ticks: VecDeque::new(), max_ticks: rate.ticks(MAX_REWIND_MS) as usize + 2 }
    }

    /// Appends the state after the step to `tick`. Ticks must ascend.
    pub fn push(&mut self, tick: Tick, state: T) {
        if self.ticks.len() >= self.max_ticks {
            self.ticks.pop_front();
        }
        self.ticks.push_back((tick, state));
    }

    /// Returns the states of the two ticks around `time`, and the part between them in 1/16 tick. For a time before the oldest or
    /// after the newest tick, both are that tick's state; `None` if the history is empty.
    #[must_use]
    pub fn around(&self, time: SubTick) -> Option<(&T, &T, u32)> {
        let after = self.ticks.partition_point(|(tick, _)| *tick <= time.tick());
        let before = after.saturating_sub(1);
        let (tick, earlier) = self.ticks.get(before)?;
        let is_within = *tick == time.tick();
        let (_, later) = self.ticks.get(after).filter(|_| is_within).unwrap_or(&self.ticks[before]);
        Some((earlier, later, if is_within { time.part() } else { 0 }))
    }

    /// Iterates over the history, oldest tick first.
    pub fn iter(&self) -> impl Iterator<Item = &(Tick, T)> {
        self.ticks.iter()
    }

    /// Iterates over the history, oldest tick first, for modification.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Tick, &mut T)> {
        self.ticks.iter_mut().map(|(tick, state)| (*tick, state))
    }

    /// Removes all ticks, as when a new world begins.
    pub fn clear(&mut self) {
        self.ticks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewind_is_the_time_that_the_seat_saw_but_at_most_a_quarter_second_ago() {
        let rate = TickRate::DEFAULT;
        let tick = Tick(100);
        let now = SubTick::of(tick);
        for (claimed, judged) in [(-40, -40), (-120, -120), (-121, -120), (-9999, -120), (7, 0)] {
            let seen = [now.offset(claimed)];
            assert_eq!(Rewind::new(tick, rate, &seen).of(SeatId(0)).since(now), judged, "{claimed} claimed");
        }
        assert_eq!(Rewind::new(tick, rate, &[]).of(SeatId(3)), now, "a seat without a time saw the present");
    }

    #[test]
    fn a_history_returns_the_two_ticks_around_a_time() {
        let mut history = TickHistory::new(TickRate::DEFAULT);
        assert_eq!(history.around(SubTick::of(Tick(5))), None);
        (1..=30).for_each(|tick| history.push(Tick(tick), tick));
        assert_eq!(history.around(SubTick::of(Tick(25)).offset(3)), Some((&25, &26, 3)));
        assert_eq!(history.around(SubTick::of(Tick(30)).offset(3)), Some((&30, &30, 3)), "no tick is newer");
        assert_eq!(history.around(SubTick::of(Tick(2))), Some((&21, &21, 0)), "no tick is older");
        assert_eq!(history.iter().count(), 10, "a quarter second, and one tick on each side");
    }
}
