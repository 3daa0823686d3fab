//! A jitter buffer of one seat's inputs: yields at most one input per tick. An input takes effect at its tick and not on arrival. Has no
//! I/O.
//!
//! Each arriving input is counted in one of four classes:
//! - *early*: it is kept for its tick.
//! - *late*: its tick has been made without it, and no newer input has been used either.
//! - *future*: its tick is farther ahead than any client plays.
//! - *duplicate*: its tick has an input already, or an input of the same or a newer tick has been used. The first input of a tick counts.
//!
//! A tick gets its own input, or for a short time a repetition of the last used one, or none.

use std::ops::AddAssign;

use quarrel_shared::{
    limits::{MAX_COAST_MS, MAX_INPUT_LEAD_MS},
    tick::{Tick, TickRate},
};

/// One seat's inputs for future ticks, at most those of the next [`MAX_INPUT_LEAD_MS`].
#[derive(Clone, Debug)]
pub struct InputBuffer<I> {
    /// A ring buffer: the input of tick `t` is at `t` modulo the length.
    slots: Vec<Option<(Tick, I)>>,
    /// The last used input, with its tick.
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
    /// The last used input, because the tick has none of its own.
    Repeated(&'a I),
    /// No input: the tick has none of its own, and the last used one is too old to be repeated or does not exist.
    Missing,
}

/// Counts of arrived inputs by their class, of used inputs, and of ticks without an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// Inputs that were used at their tick. Each of them was counted as early before.
    pub used: u64,
    /// Inputs that arrived after their tick was made without them, when no newer input had been used.
    pub late: u64,
    /// Inputs that arrived before their tick and were kept for it.
    pub early: u64,
    /// Inputs that were dropped because their tick was farther ahead than any client plays.
    pub future: u64,
    /// Inputs that were dropped because their tick had an input already, or because the same or a newer one had been used. Nearly all of
    /// them arrived before in another datagram: datagrams repeat inputs in case one is lost.
    pub duplicate: u64,
    /// Ticks without an input of their own, counted from the seat's first used input on.
    pub starved: u64,
    /// Inputs of bots and repeated inputs that the game's own decoder refuses, so that their seats have no input: a defect of the game.
    pub refused: u64,
}

impl AddAssign for InputCounts {
    fn add_assign(&mut self, other: Self) {
        self.used += other.used;
        self.late += other.late;
        self.early += other.early;
        self.future += other.future;
        self.duplicate += other.duplicate;
        self.starved += other.starved;
        self.refused += other.refused;
    }
}

impl<I> InputBuffer<I> {
    /// Creates an empty buffer for a seat that is taken at `now`.
    #[must_use]
    pub fn new(now: Tick, rate: TickRate) -> Self {
        let lead = rate.ticks(MAX_INPUT_LEAD_MS) as usize + 1;
        Self {
            slots: (0..lead).map(|_| None).collect(),
            last: None,
            taken: now,
            // Rounded down, so that no input is repeated for longer than the maximum.
            max_repeat_ticks: MAX_COAST_MS * u32::from(rate.hz()) / 1000,
            counts: InputCounts::default(),
        }
    }

    /// Adds an input for `tick`, or drops and counts it.
    pub fn push(&mut self, tick: Tick, input: I) {
        if tick <= self.taken {
            // An older tick than the last used one counts as used too: its input was most likely repeated by a later datagram.
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
            // The first input of a tick counts, so that a client cannot change an input after it was sent.
            self.counts.duplicate += 1;
            return;
        }
        self.counts.early += 1;
        self.slots[slot] = Some((tick, input));
    }

    /// Removes and returns the input of `tick`. Must be called once for each tick, in order.
    pub fn take(&mut self, tick: Tick) -> TickInput<'_, I> {
        self.taken = tick;
        let slot = self.slot(tick);
        if let Some(fresh) = self.slots[slot].take_if(|(of, _)| *of == tick) {
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

    /// The newest tick whose own input was used; `None` before the first.
    #[must_use]
    pub fn newest_used(&self) -> Option<Tick> {
        self.last.as_ref().map(|(tick, _)| *tick)
    }

    /// Returns the counts since the last call, and resets them.
    pub fn take_counts(&mut self) -> InputCounts {
        std::mem::take(&mut self.counts)
    }

    /// The index of a tick's slot.
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
    fn the_first_input_for_a_tick_is_used_and_later_ones_are_duplicates() {
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
    fn an_input_more_than_a_second_ahead_of_the_next_tick_is_dropped() {
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
        assert_eq!(next, TickInput::Repeated(&'a'), "the dropped input was not kept for another tick");
    }

    #[test]
    fn the_last_input_is_repeated_for_at_most_a_quarter_second() {
        for (hz, max) in [(30, 7), (60, 15), (128, 32), (1, 0)] {
            let mut buffer = InputBuffer::new(Tick(100), TickRate::new(hz).unwrap());
            buffer.push(Tick(101), 'a');
            buffer.take(Tick(101));
            let repeated = (102..200)
                .filter(|tick| matches!(buffer.take(Tick(*tick)), TickInput::Repeated('a')))
                .count();
            assert_eq!(repeated, max, "the number of repetitions at {hz} Hz");
        }
    }
}
