//! Where a seat's early inputs wait, so that each tick finds exactly one. Inputs act at their tick, not on arrival.
//!
//! Every input that arrives has one of four fates, and each is counted: *early*, it waits for its tick; *late*, its tick has run
//! without it; *future*, it is farther ahead than anybody plays; *duplicate*, its tick has one, and the first word stands. A tick
//! finds its own input, or repeats the last for a short while, or has none: whoever takes it is told which.

use std::ops::AddAssign;

use quarrel_shared::{
    limits::MAX_INPUT_LEAD_MS,
    tick::{Tick, TickRate},
};

/// For how long a seat whose inputs do not come repeats its last one, in milliseconds: a short loss passes unnoticed, a dead
/// link does not walk its fighter across the map.
const REPEAT_MS: u32 = 250;

/// One seat's inputs for the ticks to come. Bounded by [`MAX_INPUT_LEAD_MS`] of play.
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

/// What a tick found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<'a, I> {
    /// Its own input.
    Own(&'a I),
    /// None of its own; this was the last, and not long ago.
    Repeated(&'a I),
    /// None, and none before that is recent enough to stand for it.
    Nothing,
}

/// What became of inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// There when their tick ran; each of them was counted as early before.
    pub used: u64,
    /// Their tick had run already, without them.
    pub late: u64,
    /// Came before their tick and were kept for it.
    pub early: u64,
    /// Further ahead than anybody plays: refused.
    pub future: u64,
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
        self.future += other.future;
        self.duplicate += other.duplicate;
        self.starved += other.starved;
    }
}

impl<I> InputBuffer<I> {
    /// An empty one, whose owner sits down at `now`.
    #[must_use]
    pub fn new(now: Tick, rate: TickRate) -> Self {
        let lead = rate.ticks(MAX_INPUT_LEAD_MS) as usize + 1;
        Self {
            waiting: (0..lead).map(|_| None).collect(),
            last: None,
            taken: now,
            // Rounded down, so that the bound is never passed.
            repeat_ticks: REPEAT_MS * u32::from(rate.hz()) / 1000,
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
            self.counts.future += 1;
            return;
        }
        let place = self.place(tick);
        if self.waiting[place].is_some() {
            // The first word stands: nobody may change an intention that others could have seen by now.
            self.counts.duplicate += 1;
            return;
        }
        self.counts.early += 1;
        self.waiting[place] = Some((tick, input));
    }

    /// What there is for `tick`. Ticks are taken one after the other.
    pub fn take(&mut self, tick: Tick) -> Taken<'_, I> {
        self.taken = tick;
        let place = self.place(tick);
        if let Some(own) = self.waiting[place].take_if(|(waiting, _)| *waiting == tick) {
            self.counts.used += 1;
            return Taken::Own(&self.last.insert(own).1);
        }
        let Some((last, input)) = &self.last else { return Taken::Nothing };
        self.counts.starved += 1;
        if tick.since(*last) <= self.repeat_ticks { Taken::Repeated(input) } else { Taken::Nothing }
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
        assert_eq!(buffer.take(Tick(101)), Taken::Own(&'a'));
        assert_eq!(buffer.used(), Some(Tick(101)));
        assert_eq!(buffer.take(Tick(102)), Taken::Repeated(&'a'), "a missing input repeats the last");
        assert_eq!(buffer.take(Tick(103)), Taken::Own(&'c'));
        assert_eq!(buffer.take_counts(), InputCounts { early: 2, used: 2, starved: 1, ..Default::default() });
    }

    #[test]
    fn a_late_input_is_dropped_and_counted() {
        let mut buffer = buffer();
        assert_eq!(buffer.take(Tick(101)), Taken::Nothing);
        buffer.push(Tick(101), 'a');
        assert_eq!(buffer.take_counts(), InputCounts { late: 1, ..Default::default() });
        assert_eq!(buffer.take(Tick(102)), Taken::Nothing, "and it is not repeated either");
    }

    #[test]
    fn the_first_word_for_a_tick_stands() {
        let mut buffer = buffer();
        buffer.push(Tick(101), 'a');
        buffer.push(Tick(101), 'b');
        assert_eq!(buffer.take(Tick(101)), Taken::Own(&'a'));
        buffer.push(Tick(101), 'c');
        assert_eq!(
            buffer.take_counts(),
            InputCounts { early: 1, used: 1, duplicate: 2, ..Default::default() }
        );
    }

    #[test]
    fn an_input_a_second_and_more_ahead_is_refused() {
        let mut buffer = buffer();
        buffer.push(Tick(131), 'a');
        buffer.push(Tick(132), 'b');
        buffer.push(Tick(u32::MAX), 'c');
        let counts = buffer.take_counts();
        assert_eq!((counts.early, counts.future), (1, 2));
        for tick in 101..=130 {
            buffer.take(Tick(tick));
        }
        assert_eq!(buffer.take(Tick(131)), Taken::Own(&'a'));
        let next = buffer.take(Tick(132));
        assert_eq!(next, Taken::Repeated(&'a'), "the refused one was not kept for another tick");
    }

    #[test]
    fn a_dead_link_stops_its_fighter_after_a_quarter_second() {
        for (hz, most) in [(30, 7), (60, 15), (128, 32), (1, 0)] {
            let mut buffer = InputBuffer::new(Tick(100), TickRate::new(hz).unwrap());
            buffer.push(Tick(101), 'a');
            buffer.take(Tick(101));
            let repeated =
                (102..200).filter(|tick| matches!(buffer.take(Tick(*tick)), Taken::Repeated('a'))).count();
            assert_eq!(repeated, most, "250 ms at {hz} Hz and not a tick more");
        }
    }
}
