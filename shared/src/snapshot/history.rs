//! Which views may serve as baseline. The two halves of one agreement: a server encodes against nothing that the client has not
//! acknowledged, and a client keeps every view that the server may still encode against.

use std::{collections::VecDeque, sync::Arc};

use super::view::View;
use crate::{
    limits::{MAX_BASELINE_AGE_MS, MAX_BASELINE_AGE_TICKS},
    tick::{Tick, TickRate},
};

/// How many buffers are kept for views to come: one is filled for each that is retired, and a burst of acknowledgements retires some.
const SPARE_VIEWS: usize = 4;

/// What the server sent to one client and may hear an acknowledgement for.
#[derive(Debug)]
pub struct SentHistory<E> {
    /// Sent views, oldest first; the front one is the baseline once `acked`.
    views: VecDeque<View<E>>,
    acked: bool,
    /// How many ticks a baseline may be old.
    most_age: u32,
    /// Views that are done with: their buffers serve again.
    spare: Vec<View<E>>,
}

impl<E> SentHistory<E> {
    /// Nothing sent yet, in a room of this rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        Self {
            views: VecDeque::new(),
            acked: false,
            most_age: rate.ticks(MAX_BASELINE_AGE_MS),
            spare: Vec::new(),
        }
    }

    /// The newest view that the client is known to have, unless it is too old to be worth a delta at `now`.
    #[must_use]
    pub fn baseline(&self, now: Tick) -> Option<&View<E>> {
        self.views.front().filter(|view| self.acked && now.since(view.tick) <= self.most_age)
    }

    /// A view to fill, with the buffer of an old one where there is one.
    pub fn spare(&mut self) -> View<E> {
        self.spare.pop().unwrap_or_default()
    }

    /// Gives back a view that is of no use any more, for its buffer.
    pub fn recycle(&mut self, view: View<E>) {
        if self.spare.len() < SPARE_VIEWS {
            self.spare.push(view);
        }
    }

    /// Remembers a view as sent. What is too old to become a baseline is forgotten.
    pub fn push(&mut self, view: View<E>) {
        let now = view.tick;
        while self.views.front().is_some_and(|oldest| now.since(oldest.tick) > self.most_age) {
            if let Some(old) = self.views.pop_front() {
                self.recycle(old);
            }
            self.acked = false;
        }
        self.views.push_back(view);
    }

    /// The client has applied the view of this tick; true when that is news. Ticks that were never sent change nothing.
    pub fn acknowledge(&mut self, tick: Tick) -> bool {
        if self.acked && self.views.front().is_some_and(|baseline| baseline.tick >= tick) {
            return false;
        }
        let Some(at) = self.views.iter().position(|view| view.tick == tick) else { return false };
        for _ in 0..at {
            if let Some(old) = self.views.pop_front() {
                self.recycle(old);
            }
        }
        self.acked = true;
        true
    }

    /// Whether the client has anything at all.
    #[must_use]
    pub const fn is_acknowledged(&self) -> bool {
        self.acked
    }

    /// The client has nothing: the next snapshot must be a keyframe.
    pub fn forget(&mut self) {
        self.views.clear();
        self.acked = false;
    }
}

/// What a client has applied and the server may encode against.
#[derive(Debug)]
pub struct ReceivedHistory<E> {
    /// Applied views, oldest first.
    views: VecDeque<Arc<View<E>>>,
    /// Bit `n`: whether the snapshot of the tick `n + 1` before the newest was applied.
    history: u32,
}

impl<E> ReceivedHistory<E> {
    /// Nothing applied yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { views: VecDeque::new(), history: 0 }
    }

    /// The newest view.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<View<E>>> {
        self.views.back()
    }

    /// The view of this tick, if it is still held.
    #[must_use]
    pub fn get(&self, tick: Tick) -> Option<&Arc<View<E>>> {
        let at = self.views.binary_search_by_key(&tick, |view| view.tick).ok()?;
        self.views.get(at)
    }

    /// Remembers an applied view, which must be newer than all before. `baseline` is what it was encoded against: the server
    /// never goes back behind it, so older views are forgotten.
    pub fn push(&mut self, view: Arc<View<E>>, baseline: Option<Tick>) {
        let Some(newest) = self.views.back().map(|newest| newest.tick) else {
            self.views.push_back(view);
            return;
        };
        debug_assert!(view.tick > newest, "views are applied in order");
        let passed = view.tick.since(newest);
        self.history = match passed {
            1..=31 => self.history << passed | 1 << (passed - 1),
            32 => 1 << 31,
            _ => 0,
        };
        let oldest = baseline.unwrap_or(view.tick).max(view.tick.before(MAX_BASELINE_AGE_TICKS));
        while self.views.front().is_some_and(|view| view.tick < oldest) {
            self.views.pop_front();
        }
        self.views.push_back(view);
    }

    /// Which snapshots were applied lately: bit `n` for the tick `n + 1` before the newest.
    #[must_use]
    pub const fn history(&self) -> u32 {
        self.history
    }

    /// Forgets everything, as on another room's first view.
    pub fn clear(&mut self) {
        self.views.clear();
        self.history = 0;
    }
}

impl<E> Default for ReceivedHistory<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: TickRate = TickRate::DEFAULT;
    const MOST_AGE: u32 = RATE.ticks(MAX_BASELINE_AGE_MS);

    fn view(tick: u32) -> View<u8> {
        View::new(Tick(tick))
    }

    #[test]
    fn nothing_is_a_baseline_before_it_is_acknowledged() {
        let mut sent = SentHistory::new(RATE);
        sent.push(view(1));
        assert!(sent.baseline(Tick(2)).is_none());
        sent.acknowledge(Tick(1));
        assert_eq!(sent.baseline(Tick(2)).map(|view| view.tick), Some(Tick(1)));
    }

    #[test]
    fn an_acknowledgement_that_comes_late_or_was_made_up_changes_nothing() {
        let mut sent = SentHistory::new(RATE);
        (1..=5).for_each(|tick| sent.push(view(tick)));
        sent.acknowledge(Tick(4));
        sent.acknowledge(Tick(2));
        sent.acknowledge(Tick(900));
        assert_eq!(sent.baseline(Tick(6)).map(|view| view.tick), Some(Tick(4)));
    }

    #[test]
    fn a_baseline_too_old_gives_way_to_a_keyframe() {
        let mut sent = SentHistory::new(RATE);
        sent.push(view(1));
        sent.acknowledge(Tick(1));
        assert!(sent.baseline(Tick(2 + MOST_AGE)).is_none());
        sent.push(view(2 + MOST_AGE));
        sent.push(view(3 + MOST_AGE));
        assert!(
            sent.baseline(Tick(4 + MOST_AGE)).is_none(),
            "what follows a dropped baseline is not acknowledged"
        );
    }

    #[test]
    fn a_client_that_never_acknowledges_costs_a_bounded_history() {
        let mut sent = SentHistory::<u8>::new(RATE);
        (1..1000).for_each(|tick| {
            let mut next = sent.spare();
            next.tick = Tick(tick);
            sent.push(next);
        });
        assert!(sent.views.len() + sent.spare.len() <= MOST_AGE as usize + 2);
    }

    #[test]
    fn a_client_keeps_what_the_server_may_still_encode_against() {
        let mut received = ReceivedHistory::new();
        (1..=10).for_each(|tick| received.push(Arc::new(view(tick)), Some(Tick(1))));
        assert!(received.get(Tick(1)).is_some());
        received.push(Arc::new(view(11)), Some(Tick(6)));
        assert!(received.get(Tick(5)).is_none() && received.get(Tick(6)).is_some());
    }

    #[test]
    fn the_history_says_which_snapshots_came() {
        let mut received = ReceivedHistory::new();
        for tick in [1, 2, 4, 5] {
            received.push(Arc::new(view(tick)), Some(Tick(1)));
        }
        assert_eq!(received.history(), 0b1101, "5 came; 4 did, 3 did not, 2 and 1 did");
    }
}
