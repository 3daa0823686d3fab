//! Where a seat's early inputs wait, so that each tick finds exactly one. Inputs act at their tick, not on arrival.

use std::ops::AddAssign;

use quarrel_shared::{
    limits::INPUT_LEAD_MS,
    tick::{Tick, TickRate},
};

/// For how long a seat whose inputs do not come repeats its last one, in milliseconds: a short loss passes unnoticed, a dead
/// link does not walk its fighter across the map.
const REPEAT_MS: u32 = 250;

/// One seat's inputs for the ticks to come. Bounded by [`INPUT_LEAD_MS`] of play.
#[derive(Clone, Debug)]
pub struct InputBuffer<I> {
    /// The input of tick `t` waits at `t` modulo the length.
    waiting: Vec<Option<(Tick, I)>>,
    last: Option<(Tick, I)>,
    /// The tick whose input was taken last.
    taken: Tick,
    repeat_ticks: u32,
    counts: InputCounts,
}

/// What became of inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// There when their tick ran.
    pub used: u64,
    /// Their tick had run already, without them.
    pub late: u64,
    /// Further ahead than anybody plays.
    pub early: u64,
    /// There already: what redundancy costs.
    pub duplicate: u64,
    /// Ticks that found none.
    pub starved: u64,
}

impl AddAssign for InputCounts {
    fn add_assign(&mut self, other: Self) {
        self.used += other.used;
        self.late += other.late;
        self.early += other.early;
        self.duplicate += other.duplicate;
        self.starved += other.starved;
    }
}

impl<I: Clone> InputBuffer<I> {
    /// An empty one, whose owner sits down at `now`.
    #[must_use]
    pub fn new(now: Tick, rate: TickRate) -> Self {
        let lead = rate.ticks(INPUT_LEAD_MS) as usize + 1;
        Self {
            waiting: vec![None; lead],
            last: None,
            taken: now,
            repeat_ticks: rate.ticks(REPEAT_MS),
            counts: InputCounts::default(),
        }
    }

    /// An input for `tick` arrives.
    pub fn push(&mut self, tick: Tick, input: I) {
        if tick <= self.taken {
            // Whoever was used repeats itself; whoever was not comes too late.
            let used = self.last.as_ref().is_some_and(|(last, _)| tick <= *last);
            *(if used { &mut self.counts.duplicate } else { &mut self.counts.late }) += 1;
            return;
        }
        if tick.since(self.taken) as usize > self.waiting.len() {
            self.counts.early += 1;
            return;
        }
        let place = self.place(tick);
        if self.waiting[place].is_some() {
            // The first word stands: nobody may change an intention that others could have seen by now.
            self.counts.duplicate += 1;
            return;
        }
        self.waiting[place] = Some((tick, input));
    }

    /// The input for `tick`: its own, or a repetition of the last for a short while, or none.
    pub fn take(&mut self, tick: Tick) -> Option<I> {
        self.taken = tick;
        let place = self.place(tick);
        if let Some((_, input)) = self.waiting[place].take_if(|(waiting, _)| *waiting == tick) {
            self.counts.used += 1;
            self.last = Some((tick, input.clone()));
            return Some(input);
        }
        let (last, input) = self.last.as_ref()?;
        self.counts.starved += 1;
        (tick.since(*last) <= self.repeat_ticks).then(|| input.clone())
    }

    /// The newest tick whose own input was used.
    #[must_use]
    pub fn used(&self) -> Option<Tick> {
        self.last.as_ref().map(|(tick, _)| *tick)
    }

    /// What became of the inputs since this was last asked.
    pub fn take_counts(&mut self) -> InputCounts {
        std::mem::take(&mut self.counts)
    }

    fn place(&self, tick: Tick) -> usize {
        tick.0 as usize % self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer() -> InputBuffer<char> {
        InputBuffer::new(Tick(100), TickRate::default())
    }

    #[test]
    fn an_early_input_waits_for_its_tick() {
        let mut buffer = buffer();
        buffer.push(Tick(103), 'c');
        buffer.push(Tick(101), 'a');
        assert_eq!(buffer.take(Tick(101)), Some('a'));
        assert_eq!(buffer.used(), Some(Tick(101)));
        assert_eq!(buffer.take(Tick(102)), Some('a'), "a missing input repeats the last");
        assert_eq!(buffer.take(Tick(103)), Some('c'));
        assert_eq!(buffer.take_counts(), InputCounts { used: 2, starved: 1, ..Default::default() });
    }

    #[test]
    fn a_late_input_is_dropped_and_counted() {
        let mut buffer = buffer();
        buffer.take(Tick(101));
        buffer.push(Tick(101), 'a');
        assert_eq!(buffer.take_counts(), InputCounts { late: 1, ..Default::default() });
    }

    #[test]
    fn the_first_word_for_a_tick_stands() {
        let mut buffer = buffer();
        buffer.push(Tick(101), 'a');
        buffer.push(Tick(101), 'b');
        assert_eq!(buffer.take(Tick(101)), Some('a'));
        buffer.push(Tick(101), 'c');
        assert_eq!(buffer.take_counts(), InputCounts { used: 1, duplicate: 2, ..Default::default() });
    }

    #[test]
    fn an_input_a_second_and_more_ahead_is_refused() {
        let mut buffer = buffer();
        buffer.push(Tick(131), 'a');
        buffer.push(Tick(132), 'b');
        buffer.push(Tick(u32::MAX), 'c');
        assert_eq!(buffer.take_counts().early, 2);
        for tick in 101..=130 {
            buffer.take(Tick(tick));
        }
        assert_eq!(buffer.take(Tick(131)), Some('a'));
        assert_eq!(buffer.take(Tick(132)), Some('a'), "the refused one was not kept for another tick");
    }

    #[test]
    fn a_dead_link_stops_its_fighter_after_a_quarter_second() {
        let mut buffer = buffer();
        buffer.push(Tick(101), 'a');
        buffer.take(Tick(101));
        let repeated = (102..200).filter(|tick| buffer.take(Tick(*tick)).is_some()).count();
        assert_eq!(repeated, 8, "250 ms at 30 Hz, rounded up");
    }
}
