//! Lag compensation: the displayed time of each input, and a history of recent ticks.
//!
//! A client displays other players in the past, by the latency of its connection. So a game judges an instant shot in the world that
//! the shooter saw; otherwise a player could never hit a target that runs. That takes the time that the client displayed, which is sent
//! with the input and is in [`Rewind`], and the positions at that time, which a game stores in a [`TickHistory`].

use std::collections::VecDeque;

use crate::{
    id::SeatId,
    limits::MAX_REWIND_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The time in the room that each seat's player saw when it chose its input, limited to the last [`MAX_REWIND_MS`].
#[derive(Clone, Copy, Debug)]
pub struct Rewind<'a> {
    tick: Tick,
    oldest: SubTick,
    seen: &'a [SubTick],
}

impl<'a> Rewind<'a> {
    /// Creates the rewind for the step of `tick`. `seen` has the time that each seat saw, in seat order.
    #[must_use]
    pub const fn new(tick: Tick, rate: TickRate, seen: &'a [SubTick]) -> Self {
        Self { tick, oldest: oldest(tick, rate), seen }
    }

    /// Returns the time that this seat saw, clamped to the range from [`MAX_REWIND_MS`] before the step's tick to the tick itself. The
    /// step's tick for a seat that does not exist.
    #[must_use]
    pub fn of(&self, seat: SeatId) -> SubTick {
        let now = SubTick::of(self.tick);
        self.seen.get(seat.index()).map_or(now, |seen| (*seen).clamp(self.oldest, now))
    }
}

/// Returns the earliest time to which the step of `tick` rewinds.
const fn oldest(tick: Tick, rate: TickRate) -> SubTick {
    SubTick::of(tick).offset(-(max_rewind(rate) as i64))
}

/// Returns [`MAX_REWIND_MS`] in 1/16 tick, rounded down so that no rewind is longer.
#[must_use]
pub(crate) const fn max_rewind(rate: TickRate) -> u32 {
    MAX_REWIND_MS * rate.hz() as u32 * SubTick::PER_TICK / 1000
}

/// The states of the last ticks, one `T` per tick: as many as a rewind of [`MAX_REWIND_MS`] may need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickHistory<T> {
    ticks: VecDeque<(Tick, T)>,
    max_ticks: usize,
}

impl<T> TickHistory<T> {
    /// Creates an empty history for a room of this rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        // The ticks of MAX_REWIND_MS, one for the current tick, and one because a rewind may fall between two ticks.
        Self { ticks: VecDeque::new(), max_ticks: rate.ticks(MAX_REWIND_MS) as usize + 2 }
    }

    /// Appends the state after the step of `tick`, and drops the oldest one when the history is full. Call it for each tick, in order.
    pub fn push(&mut self, tick: Tick, state: T) {
        if self.ticks.len() >= self.max_ticks {
            self.ticks.pop_front();
        }
        self.ticks.push_back((tick, state));
    }

    /// Returns the states of the last tick up to `time` and of the tick after it, and the time since the former in 1/16 tick (0 to 15),
    /// as for [`Entity::interpolate`](super::Entity::interpolate). Both are the oldest state for a time before it, and the newest state
    /// for a time from its tick on. `None` if the history is empty.
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

    /// Removes all states, for instance when a new match starts.
    pub fn clear(&mut self) {
        self.ticks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewind_goes_to_the_time_that_the_seat_saw_but_at_most_250_ms_back() {
        let rate = TickRate::DEFAULT;
        let tick = Tick(100);
        let now = SubTick::of(tick);
        for (claimed, judged) in [(-40, -40), (-120, -120), (-121, -120), (-9999, -120), (7, 0)] {
            let seen = [now.offset(claimed)];
            assert_eq!(Rewind::new(tick, rate, &seen).of(SeatId(0)).since(now), judged, "{claimed} claimed");
        }
        assert_eq!(
            Rewind::new(tick, rate, &[]).of(SeatId(3)),
            now,
            "a seat that does not exist is not rewound"
        );
    }

    #[test]
    fn a_history_returns_the_two_ticks_around_a_time() {
        let mut history = TickHistory::new(TickRate::DEFAULT);
        assert_eq!(history.around(SubTick::of(Tick(5))), None);
        (1..=30).for_each(|tick| history.push(Tick(tick), tick));
        assert_eq!(history.around(SubTick::of(Tick(25)).offset(3)), Some((&25, &26, 3)));
        assert_eq!(
            history.around(SubTick::of(Tick(30)).offset(3)),
            Some((&30, &30, 3)),
            "after the newest tick, both states are the newest"
        );
        assert_eq!(
            history.around(SubTick::of(Tick(2))),
            Some((&21, &21, 0)),
            "before the oldest tick, both states are the oldest"
        );
        assert_eq!(history.iter().count(), 10, "8 ticks of a quarter second, and one on each side");
    }
}
