//! Lag compensation's half of a step: which moment each seat saw when it decided what it wants.
//!
//! A shot that strikes at once is judged against what its shooter saw, or nobody behind a round trip could ever hit a runner.
//! That takes two things: the moment, which travels with the input and is told here, and where everybody was at that moment,
//! which a game remembers in a [`TickHistory`].

use std::collections::VecDeque;

use crate::{
    id::SeatId,
    limits::MAX_REWIND_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The moment that each seat saw, clamped to what a room is willing to rewind: [`MAX_REWIND_MS`].
#[derive(Clone, Copy, Debug)]
pub struct Rewind<'a> {
    tick: Tick,
    oldest: SubTick,
    seen: &'a [SubTick],
}

impl<'a> Rewind<'a> {
    /// For the step that makes `tick`. `seen` has one element a seat.
    #[must_use]
    pub const fn new(tick: Tick, rate: TickRate, seen: &'a [SubTick]) -> Self {
        Self { tick, oldest: oldest(tick, rate), seen }
    }

    /// What this seat saw: never later than the tick that is being made, never longer ago than [`MAX_REWIND_MS`].
    #[must_use]
    pub fn of(&self, seat: SeatId) -> SubTick {
        let now = SubTick::of(self.tick);
        self.seen.get(seat.index()).map_or(now, |seen| (*seen).clamp(self.oldest, now))
    }
}

/// Longest ago that a step at `tick` looks back to.
const fn oldest(tick: Tick, rate: TickRate) -> SubTick {
    SubTick::of(tick).offset(-(max_rewind(rate) as i64))
}

/// [`MAX_REWIND_MS`] in sixteenths of a tick, rounded down so that the bound is never passed.
#[must_use]
pub(crate) const fn max_rewind(rate: TickRate) -> u32 {
    MAX_REWIND_MS * rate.hz() as u32 * SubTick::PER_TICK / 1000
}

/// What a game remembers of its last few ticks, one `T` a tick: as far back as a step may be rewound, and no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickHistory<T> {
    ticks: VecDeque<(Tick, T)>,
    most: usize,
}

impl<T> TickHistory<T> {
    /// Nothing remembered yet, in a room of this rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        // One more than fits the bound, since a moment lies between two ticks, and one for the tick being made.
        Self { ticks: VecDeque::new(), most: rate.ticks(MAX_REWIND_MS) as usize + 2 }
    }

    /// Remembers what the step of `tick` left behind. Ticks come in ascending order.
    pub fn push(&mut self, tick: Tick, state: T) {
        if self.ticks.len() >= self.most {
            self.ticks.pop_front();
        }
        self.ticks.push_back((tick, state));
    }

    /// The two ticks around a moment, and how far between them it lies (in [`SubTick::PER_TICK`] of a tick). Before the oldest, or
    /// after the newest, both are that one; `None` when nothing is remembered.
    #[must_use]
    pub fn around(&self, moment: SubTick) -> Option<(&T, &T, u32)> {
        let after = self.ticks.partition_point(|(tick, _)| *tick <= moment.tick());
        let before = after.saturating_sub(1);
        let (tick, earlier) = self.ticks.get(before)?;
        let is_within = *tick == moment.tick();
        let (_, later) = self.ticks.get(after).filter(|_| is_within).unwrap_or(&self.ticks[before]);
        Some((earlier, later, if is_within { moment.part() } else { 0 }))
    }

    /// All that is remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &(Tick, T)> {
        self.ticks.iter()
    }

    /// All that is remembered, to take something out of it.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Tick, &mut T)> {
        self.ticks.iter_mut().map(|(tick, state)| (*tick, state))
    }

    /// Forgets everything, as when the world is another one.
    pub fn clear(&mut self) {
        self.ticks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_shown_the_moment_it_saw_and_at_most_a_quarter_second_ago() {
        let rate = TickRate::DEFAULT;
        let tick = Tick(100);
        let now = SubTick::of(tick);
        for (claimed, judged) in [(-40, -40), (-120, -120), (-121, -120), (-9999, -120), (7, 0)] {
            let seen = [now.offset(claimed)];
            assert_eq!(Rewind::new(tick, rate, &seen).of(SeatId(0)).since(now), judged, "{claimed} claimed");
        }
        assert_eq!(Rewind::new(tick, rate, &[]).of(SeatId(3)), now, "who says nothing saw the present");
    }

    #[test]
    fn a_trail_gives_the_two_ticks_around_a_moment() {
        let mut trail = TickHistory::new(TickRate::DEFAULT);
        assert_eq!(trail.around(SubTick::of(Tick(5))), None);
        (1..=30).for_each(|tick| trail.push(Tick(tick), tick));
        assert_eq!(trail.around(SubTick::of(Tick(25)).offset(3)), Some((&25, &26, 3)));
        assert_eq!(trail.around(SubTick::of(Tick(30)).offset(3)), Some((&30, &30, 3)), "nothing is newer");
        assert_eq!(trail.around(SubTick::of(Tick(2))), Some((&21, &21, 0)), "nothing is older");
        assert_eq!(trail.iter().count(), 10, "a quarter second, and one on each side");
    }
}
