//! A queue of game events: delivers each event once, in order, when the displayed tick (that of the other entities in the drawn
//! picture) has reached the event's tick. Otherwise a player would see the effect of a blow before the blow.
//!
//! The control stream is ordered, and a resumed session repeats lost messages, so a lost or doubled event is a bug in the client or the
//! server. Such events are counted instead of asserted, because the server may be another build, and a load test must be able to
//! report them.

use std::collections::VecDeque;

use quarrel_shared::tick::Tick;

/// The maximum number of waiting events. Events wait for about the interpolation delay, so only a flood reaches this number. Then the
/// oldest events are delivered before their tick is displayed, because no event may be lost.
const MAX_WAITING: usize = 1024;

/// The events of one seat that wait for the displayed tick.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue<E> {
    waiting: VecDeque<(Tick, E)>,
    next_sequence: u32,
    lost: u64,
    doubled: u64,
}

impl<E> EventQueue<E> {
    /// Creates an empty queue, which expects sequence number 0.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new(), next_sequence: 0, lost: 0, doubled: 0 }
    }

    /// Adds an event. A sequence number above the expected one counts the numbers between as lost. An event below the expected number
    /// counts as doubled, even if it was counted as lost before: it is ignored, and the result is false.
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

    /// Returns the next event if its tick is at most `displayed`, or if more than [`MAX_WAITING`] events wait. An event never overtakes
    /// the event before it.
    pub(crate) fn pop(&mut self, displayed: Tick) -> Option<(Tick, E)> {
        let is_full = self.waiting.len() > MAX_WAITING;
        self.waiting.pop_front_if(|(tick, _)| is_full || *tick <= displayed)
    }

    /// Returns the next event regardless of its tick, for a seat that was given up: its displayed tick advances no more.
    pub(crate) fn pop_any(&mut self) -> Option<(Tick, E)> {
        self.waiting.pop_front()
    }

    /// Discards the waiting events of ticks after `tick`, because the server restored the room to `tick`.
    pub(crate) fn discard_after(&mut self, tick: Tick) {
        self.waiting.retain(|(event_tick, _)| *event_tick <= tick);
    }

    /// Returns the number of skipped sequence numbers: events that never arrived, or only after a later one.
    #[must_use]
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns the number of ignored events: events that arrived again, or after a later one.
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
