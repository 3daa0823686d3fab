//! Events on their way to the screen: each once, in order, and not before the view has reached its tick. A blow that is heard
//! before it is seen would come out of nothing.
//!
//! The control stream promises order, and a resumed session the rest, so anything else is a bug on one of the two ends. It is
//! counted rather than asserted, since the other end may be another build, and a load test must be able to say so.

use std::collections::VecDeque;

use quarrel_shared::tick::Tick;

/// The most events that wait. They wait for as long as the interpolation delay, so only a flood comes near; then the oldest are
/// delivered early, for none may be lost.
const WAITING_MOST: usize = 1024;

/// One seat's events.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    waiting: VecDeque<(Tick, E)>,
    next: u32,
    lost: u64,
    doubled: u64,
}

impl<E> EventQueue<E> {
    /// None yet; they are counted from 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { waiting: VecDeque::new(), next: 0, lost: 0, doubled: 0 }
    }

    /// Takes an event in; false when it came before and must not be delivered again.
    pub fn push(&mut self, sequence: u32, tick: Tick, event: E) -> bool {
        if sequence < self.next {
            self.doubled += 1;
            return false;
        }
        self.lost += u64::from(sequence - self.next);
        self.next = sequence.saturating_add(1);
        self.waiting.push_back((tick, event));
        true
    }

    /// The next event that happened by `seen`. An event never overtakes the one before it.
    pub fn pop(&mut self, seen: Tick) -> Option<(Tick, E)> {
        let is_full = self.waiting.len() > WAITING_MOST;
        self.waiting.pop_front_if(|(tick, _)| is_full || *tick <= seen)
    }

    /// The next event, whatever was seen: the seat is given up, and nothing more will be.
    pub fn pop_any(&mut self) -> Option<(Tick, E)> {
        self.waiting.pop_front()
    }

    /// What happened after this tick did not happen, and whoever waits to hear of it does so no longer.
    pub fn undo(&mut self, after: Tick) {
        self.waiting.retain(|(tick, _)| *tick <= after);
    }

    /// How many events never came.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// How many events came once too often.
    #[must_use]
    pub const fn doubled(&self) -> u64 {
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
    fn a_gap_is_counted_as_lost_and_a_repeat_as_doubled() {
        let mut events = EventQueue::new();
        let taken: Vec<_> = [0, 1, 4, 4, 2, 5]
            .into_iter()
            .filter(|sequence| events.push(*sequence, Tick(0), *sequence))
            .collect();
        assert_eq!(taken, [0, 1, 4, 5]);
        assert_eq!((events.lost(), events.doubled()), (2, 2));
    }

    #[test]
    fn events_wait_for_the_view_to_reach_their_tick_and_keep_their_order() {
        let mut events = EventQueue::new();
        [(0, 10), (1, 12), (2, 11)].into_iter().for_each(|(sequence, tick)| {
            events.push(sequence, Tick(tick), sequence);
        });
        let mut delivered = |seen| std::iter::from_fn(|| events.pop(Tick(seen))).collect::<Vec<_>>();
        assert_eq!(delivered(9), []);
        assert_eq!(delivered(11), [(Tick(10), 0)]);
        assert_eq!(delivered(12), [(Tick(12), 1), (Tick(11), 2)]);
    }

    #[test]
    fn what_did_not_happen_is_not_delivered_and_not_counted_as_lost() {
        let mut events = EventQueue::new();
        [(0, 10), (1, 12), (2, 11)].into_iter().for_each(|(sequence, tick)| {
            events.push(sequence, Tick(tick), sequence);
        });
        events.undo(Tick(11));
        let told: Vec<_> = std::iter::from_fn(|| events.pop_any()).collect();
        assert_eq!(told, [(Tick(10), 0), (Tick(11), 2)]);
        assert_eq!((events.lost(), events.doubled()), (0, 0));
    }

    #[test]
    fn a_flood_is_delivered_early_rather_than_kept_or_lost() {
        let mut events = EventQueue::new();
        let mut delivered = 0;
        for sequence in 0..5000 {
            events.push(sequence, Tick(900), ());
            delivered += std::iter::from_fn(|| events.pop(Tick(0))).count();
        }
        assert_eq!(delivered, 5000 - WAITING_MOST);
    }
}
