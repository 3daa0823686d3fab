//! A jitter buffer of one seat's inputs: yields at most one input per tick. Inputs take effect at their tick, not on arrival.
//!
//! Every arriving input falls into one of four classes, and each is counted: *early*, it waits for its tick; *late*, its tick has run
//! without it; *future*, it is farther ahead than any client plays; *duplicate*, its tick has one already, and the first one counts. A
//! tick gets its own input, or for a short time a repetition of the last one, or none.

use std::ops::AddAssign;

use quarrel_shared::{
    limits::MAX_INPUT_LEAD_MS,
    tick::{Tick, TickRate},
};

/// The time for which a starved seat repeats its last input, in milliseconds: it hides a short loss, and a dead link does not walk its
/// fighter across the map.
const MAX_REPEAT_MS: u32 = 250;

/// One seat's inputs for the ticks to come. Bounded by [`MAX_INPUT_LEAD_MS`] of play.
#[derive(Clone, Debug)]
pub struct InputBuffer<I> {
    /// A ring buffer: the input of tick `t` is at `t` modulo the length.
    slots: Vec<Option<(Tick, I)>>,
    last: Option<(Tick, I)>,
    /// The tick of the last [`Self::take`].
    taken: Tick,
    max_repeat_ticks: u32,
    counts: InputCounts,
}

/// The input of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickInput<'a, I> {
    /// The tick's own input.
    Fresh(&'a I),
    /// The last input, repeated because the tick has none of its own.
    Repeated(&'a I),
    /// No input, and the last one is too old to be repeated.
    Missing,
}

/// Counts of inputs by their class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// Used by their tick; each of them was counted as early before.
    pub used: u64,
    /// Arrived after their tick had run without them.
    pub late: u64,
    /// Arrived before their tick and were kept for it.
    pub early: u64,
    /// Refused, because they were farther ahead than any client plays.
    pub future: u64,
    /// Arrived before by another datagram: the cost of redundancy.
    pub duplicate: u64,
    /// Ticks without an input of their own.
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
    /// An empty buffer of a seat taken at `now`.
    #[must_use]
    pub fn new(now: Tick, rate: TickRate) -> Self {
        let lead = rate.ticks(MAX_INPUT_LEAD_MS) as usize + 1;
        Self {
            slots: (0..lead).map(|_| None).collect(),
            last: None,
            taken: now,
            // Rounded down, so that the limit is never exceeded.
            max_repeat_ticks: MAX_REPEAT_MS * u32::from(rate.hz()) / 1000,
            counts: InputCounts::default(),
        }
    }

    /// Adds an input for `tick`.
    pub fn push(&mut self, tick: Tick, input: I) {
        if tick <= self.taken {
            // The input of a used tick is a duplicate; that of an unused tick is late.
            let was_used = self.last.as_ref().is_some_and(|(last, _)| tick <= *last);
            *(if was_used { &mut self.counts.duplicate } else { &mut self.counts.late }) += 1;
            return;
        }
        if tick.since(self.taken) as usize > self.slots.len() {
            self.counts.future += 1;
            return;
        }
        let slot = self.slot(tick);
        if self.slots[slot].is_some() {
            // The first one counts: a client must not change an input that others may have seen by now.
            self.counts.duplicate += 1;
            return;
        }
        self.counts.early += 1;
        self.slots[slot] = Some((tick, input));
    }

    /// Takes the input of `tick`. Ticks must be taken in order.
    pub fn take(&mut self, tick: Tick) -> TickInput<'_, I> {
        self.taken = tick;
        let slot = self.slot(tick);
        if let Some(fresh) = self.slots[slot].take_if(|(waiting, _)| *waiting == tick) {
            self.counts.used += 1;
            return TickInput::Fresh(&self.last.insert(fresh).1);
        }
        let Some((last, input)) = &self.last else { return TickInput::Missing };
        self.counts.starved += 1;
        if tick.since(*last) <= self.max_repeat_ticks {
            TickInput::Repeated(input)
        } else {
            TickInput::Missing
        }
    }

    /// The newest tick whose own input was used.
    #[must_use]
    pub fn newest_used(&self) -> Option<Tick> {
        self.last.as_ref().map(|(tick, _)| *tick)
    }

    /// Returns the counts since the last call, and resets them.
    pub fn take_counts(&mut self) -> InputCounts {
        std::mem::take(&mut self.counts)
    }

    fn slot(&self, tick: Tick) -> usize {
        tick.0 as usize % self.slots.len()
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
        assert_eq!(buffer.take(Tick(101)), TickInput::Fresh(&'a'));
        assert_eq!(buffer.newest_used(), Some(Tick(101)));
        assert_eq!(buffer.take(Tick(102)), TickInput::Repeated(&'a'), "a missing input repeats the last");
        assert_eq!(buffer.take(Tick(103)), TickInput::Fresh(&'c'));
        assert_eq!(buffer.take_counts(), InputCounts { early: 2, used: 2, starved: 1, ..Default::default() });
    }

    #[test]
    fn a_late_input_is_dropped_and_counted() {
        let mut buffer = buffer();
        assert_eq!(buffer.take(Tick(101)), TickInput::Missing);
        buffer.push(Tick(101), 'a');
        assert_eq!(buffer.take_counts(), InputCounts { late: 1, ..Default::default() });
        assert_eq!(buffer.take(Tick(102)), TickInput::Missing, "a late input is not repeated either");
    }

    #[test]
    fn the_first_input_for_a_tick_counts() {
        let mut buffer = buffer();
        buffer.push(Tick(101), 'a');
        buffer.push(Tick(101), 'b');
        assert_eq!(buffer.take(Tick(101)), TickInput::Fresh(&'a'));
        buffer.push(Tick(101), 'c');
        assert_eq!(
            buffer.take_counts(),
            InputCounts { early: 1, used: 1, duplicate: 2, ..Default::default() }
        );
    }

    #[test]
    fn an_input_more_than_a_second_ahead_is_refused() {
        let mut buffer = buffer();
        buffer.push(Tick(131), 'a');
        buffer.push(Tick(132), 'b');
        buffer.push(Tick(u32::MAX), 'c');
        let counts = buffer.take_counts();
        assert_eq!((counts.early, counts.future), (1, 2));
        for tick in 101..=130 {
            buffer.take(Tick(tick));
        }
        assert_eq!(buffer.take(Tick(131)), TickInput::Fresh(&'a'));
        let next = buffer.take(Tick(132));
        assert_eq!(next, TickInput::Repeated(&'a'), "the refused one was not kept for another tick");
    }

    #[test]
    fn a_dead_link_stops_its_fighter_after_a_quarter_second() {
        for (hz, max) in [(30, 7), (60, 15), (128, 32), (1, 0)] {
            let mut buffer = InputBuffer::new(Tick(100), TickRate::new(hz).unwrap());
            buffer.push(Tick(101), 'a');
            buffer.take(Tick(101));
            let repeated = (102..200)
                .filter(|tick| matches!(buffer.take(Tick(*tick)), TickInput::Repeated('a')))
                .count();
            assert_eq!(repeated, max, "250 ms at {hz} Hz and not a tick more");
        }
    }
}
