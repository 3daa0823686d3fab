//! A queue of game events: delivers each once, in order, and not before the screen has reached its tick. Otherwise a player would see
//! the effect of a blow before the blow.
//!
//! The control stream is ordered and a resumed session repeats what was lost, so a lost or doubled event is a bug in the client or the
//! server. It is counted instead of asserted, because the server may be another build, and a load test must be able to report it.

use std::collections::VecDeque;

use quarrel_shared::tick::Tick;

/// The maximum number of waiting events. They wait for the interpolation delay, so only a flood reaches it; then the oldest are
/// delivered early, because none may be lost.
const MAX_WAITING: usize = 1024;

/// The events of one seat that wait for the screen.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue<E> {
    waiting: VecDeque<(Tick, E)>,
    next_sequence: u32,
    lost: u64,
    doubled: u64,
}

impl<E> EventQueue<E> {
    /// An empty queue, which expects sequence number 0.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new(), next_sequence: 0, lost: 0, doubled: 0 }
    }

    /// Adds an event. Returns false if it arrived before, and then ignores it.
    pub(crate) fn push(&mut self, sequence: u32, tick: Tick, event: E) -> bool {
        if sequence < self.next_sequence {
            self.doubled += 1;
            return false;
        }
        self.lost += u64::from(sequence - self.next_sequence);
        self.next_sequence = sequence.saturating_add(1);
        self.waiting.push_back((tick, event));
        true
    }

    /// Returns the next event if its tick is at most `displayed`. An event never overtakes the one before it.
    pub(crate) fn pop(&mut self, displayed: Tick) -> Option<(Tick, E)> {
        let is_full = self.waiting.len() > MAX_WAITING;
        self.waiting.pop_front_if(|(tick, _)| is_full || *tick <= displayed)
    }

    /// Returns the next event regardless of its tick. For a seat that was given up, whose screen advances no more.
    pub(crate) fn pop_any(&mut self) -> Option<(Tick, E)> {
        self.waiting.pop_front()
    }

    /// Discards the events after this tick, because the server restored the room to it.
    pub(crate) fn discard_after(&mut self, tick: Tick) {
        self.waiting.retain(|(event_tick, _)| *event_tick <= tick);
    }

    /// The number of events that never arrived.
    #[must_use]
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// The number of events that arrived again.
    #[must_use]
    pub(crate) const fn doubled(&self) -> u64 {
        self.doubled
    }
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_counted_as_lost_and_a_repetition_as_doubled() {
        let mut events = EventQueue::new();
        let taken: Vec<_> = [0, 1, 4, 4, 2, 5]
            .into_iter()
            .filter(|sequence| events.push(*sequence, Tick(0), *sequence))
            .collect();
        assert_eq!(taken, [0, 1, 4, 5]);
        assert_eq!((events.lost(), events.doubled()), (2, 2));
    }

    #[test]
    fn events_wait_for_their_tick_and_keep_their_order() {
        let mut events = EventQueue::new();
        [(0, 10), (1, 12), (2, 11)].into_iter().for_each(|(sequence, tick)| {
            events.push(sequence, Tick(tick), sequence);
        });
        let mut delivered =
            |displayed| std::iter::from_fn(|| events.pop(Tick(displayed))).collect::<Vec<_>>();
        assert_eq!(delivered(9), []);
        assert_eq!(delivered(11), [(Tick(10), 0)]);
        assert_eq!(delivered(12), [(Tick(12), 1), (Tick(11), 2)]);
    }

    #[test]
    fn discarded_events_are_neither_delivered_nor_counted_as_lost() {
        let mut events = EventQueue::new();
        [(0, 10), (1, 12), (2, 11)].into_iter().for_each(|(sequence, tick)| {
            events.push(sequence, Tick(tick), sequence);
        });
        events.discard_after(Tick(11));
        let left: Vec<_> = std::iter::from_fn(|| events.pop_any()).collect();
        assert_eq!(left, [(Tick(10), 0), (Tick(11), 2)]);
        assert_eq!((events.lost(), events.doubled()), (0, 0));
    }

    #[test]
    fn a_flood_of_events_is_delivered_early() {
        let mut events = EventQueue::new();
        let mut delivered = 0;
        for sequence in 0..5000 {
            events.push(sequence, Tick(900), ());
            delivered += std::iter::from_fn(|| events.pop(Tick(0))).count();
        }
        assert_eq!(delivered, 5000 - MAX_WAITING);
    }
}
