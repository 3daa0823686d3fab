//! Histories of views that may be baselines: the views against which later snapshots are encoded. The two ends follow one rule: a server
//! encodes only against a view that the client has acknowledged, and a client keeps every view against which the server may still encode.

use std::{collections::VecDeque, sync::Arc};

use super::view::View;
use crate::{
    limits::{MAX_BASELINE_AGE_MS, MAX_BASELINE_AGE_TICKS},
    tick::{Tick, TickRate},
};

/// The maximum number of spare buffers. Each new view takes one and each dropped view returns one, but a late acknowledgement drops
/// several views at once.
const SPARE_VIEWS: usize = 4;

/// The server's history of the views that it sent to one client: the baseline, and later views whose acknowledgement may still arrive.
#[derive(Debug)]
pub struct SentHistory<E> {
    /// Sent views, oldest first.
    views: VecDeque<View<E>>,
    /// Whether the client has acknowledged the oldest of `views`, which is then the baseline.
    acked: bool,
    /// The maximum age of a baseline, in ticks.
    max_age_ticks: u32,
    /// Dropped views whose buffers are reused.
    spare: Vec<View<E>>,
}

impl<E> SentHistory<E> {
    /// Creates an empty history for a room with this tick rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        let max_age_ticks = rate.ticks(MAX_BASELINE_AGE_MS);
        Self { views: VecDeque::new(), acked: false, max_age_ticks, spare: Vec::new() }
    }

    /// Returns the newest acknowledged view, unless it is too old for a delta at `now`.
    #[must_use]
    pub fn baseline(&self, now: Tick) -> Option<&View<E>> {
        self.views.front().filter(|view| self.acked && now.since(view.tick) <= self.max_age_ticks)
    }

    /// Returns a view to overwrite, with the buffer of a dropped view if there is one.
    pub fn spare(&mut self) -> View<E> {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps the buffer of a dropped view for [`Self::spare`].
    pub fn recycle(&mut self, view: View<E>) {
        if self.spare.len() < SPARE_VIEWS {
            self.spare.push(view);
        }
    }

    /// Adds a sent view and drops those that are too old to become a baseline.
    pub fn push(&mut self, view: View<E>) {
        let now = view.tick;
        while self.views.front().is_some_and(|oldest| now.since(oldest.tick) > self.max_age_ticks) {
            if let Some(old) = self.views.pop_front() {
                self.recycle(old);
            }
            self.acked = false;
        }
        self.views.push_back(view);
    }

    /// Makes the view of this tick the baseline because the client has applied it, and drops the views before it. Returns true if the
    /// baseline changed, and false for a tick that is not newer than the baseline's or that is not in the history.
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

    /// Whether the client has acknowledged a view that may be a baseline.
    #[must_use]
    pub const fn is_acknowledged(&self) -> bool {
        self.acked
    }

    /// Drops all views, for a client that has lost its own: the next snapshot is a keyframe.
    pub fn forget(&mut self) {
        self.views.clear();
        self.acked = false;
    }
}

/// The client's history of the applied views against which the server may still encode.
#[derive(Debug)]
pub struct ReceivedHistory<E> {
    /// Applied views, oldest first.
    views: VecDeque<Arc<View<E>>>,
    /// Bit `n`: whether the snapshot of the tick `n + 1` before the newest was applied.
    history: u32,
}

impl<E> ReceivedHistory<E> {
    /// Creates an empty history.
    #[must_use]
    pub const fn new() -> Self {
        Self { views: VecDeque::new(), history: 0 }
    }

    /// Returns the newest applied view; `None` before the first.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<View<E>>> {
        self.views.back()
    }

    /// Returns the view of this tick, if the history still has it.
    #[must_use]
    pub fn get(&self, tick: Tick) -> Option<&Arc<View<E>>> {
        let at = self.views.binary_search_by_key(&tick, |view| view.tick).ok()?;
        self.views.get(at)
    }

    /// Adds an applied view, which must be newer than all before. `baseline` is the tick of the view against which it was encoded, `None`
    /// for a keyframe. The server never uses an older baseline again, so the views before `baseline`, or before a keyframe, are dropped.
    pub fn push(&mut self, view: Arc<View<E>>, baseline: Option<Tick>) {
        let Some(newest) = self.views.back().map(|newest| newest.tick) else {
            self.views.push_back(view);
            return;
        };
        debug_assert!(view.tick > newest, "views are applied in order");
        let new_ticks = view.tick.since(newest);
        self.history = match new_ticks {
            1..=31 => self.history << new_ticks | 1 << (new_ticks - 1),
            32 => 1 << 31,
            _ => 0,
        };
        let oldest = baseline.unwrap_or(view.tick).max(view.tick.before(MAX_BASELINE_AGE_TICKS));
        while self.views.front().is_some_and(|view| view.tick < oldest) {
            self.views.pop_front();
        }
        self.views.push_back(view);
    }

    /// Returns the snapshots that were applied before the newest: bit `n` for the tick `n + 1` before the newest.
    #[must_use]
    pub const fn history(&self) -> u32 {
        self.history
    }

    /// Drops all views, for another seat.
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
    const MAX_AGE_TICKS: u32 = RATE.ticks(MAX_BASELINE_AGE_MS);

    fn view(tick: u32) -> View<u8> {
        View::new(Tick(tick))
    }

    #[test]
    fn a_view_is_a_baseline_only_after_its_acknowledgement() {
        let mut sent = SentHistory::new(RATE);
        sent.push(view(1));
        assert!(sent.baseline(Tick(2)).is_none());
        sent.acknowledge(Tick(1));
        assert_eq!(sent.baseline(Tick(2)).map(|view| view.tick), Some(Tick(1)));
    }

    #[test]
    fn a_late_or_forged_acknowledgement_changes_nothing() {
        let mut sent = SentHistory::new(RATE);
        (1..=5).for_each(|tick| sent.push(view(tick)));
        sent.acknowledge(Tick(4));
        sent.acknowledge(Tick(2));
        sent.acknowledge(Tick(900));
        assert_eq!(sent.baseline(Tick(6)).map(|view| view.tick), Some(Tick(4)));
    }

    #[test]
    fn a_baseline_that_is_too_old_is_dropped() {
        let mut sent = SentHistory::new(RATE);
        sent.push(view(1));
        sent.acknowledge(Tick(1));
        assert!(sent.baseline(Tick(2 + MAX_AGE_TICKS)).is_none());
        sent.push(view(2 + MAX_AGE_TICKS));
        sent.push(view(3 + MAX_AGE_TICKS));
        assert!(
            sent.baseline(Tick(4 + MAX_AGE_TICKS)).is_none(),
            "the views after a dropped baseline are not acknowledged"
        );
    }

    #[test]
    fn the_history_of_a_client_that_never_acknowledges_is_bounded() {
        let mut sent = SentHistory::<u8>::new(RATE);
        (1..1000).for_each(|tick| {
            let mut next = sent.spare();
            next.tick = Tick(tick);
            sent.push(next);
        });
        assert!(sent.views.len() + sent.spare.len() <= MAX_AGE_TICKS as usize + 2);
    }

    #[test]
    fn a_client_keeps_the_views_against_which_the_server_may_encode() {
        let mut received = ReceivedHistory::new();
        (1..=10).for_each(|tick| received.push(Arc::new(view(tick)), Some(Tick(1))));
        assert!(received.get(Tick(1)).is_some());
        received.push(Arc::new(view(11)), Some(Tick(6)));
        assert!(received.get(Tick(5)).is_none() && received.get(Tick(6)).is_some());
    }

    #[test]
    fn the_history_bits_show_which_snapshots_arrived() {
        let mut received = ReceivedHistory::new();
        for tick in [1, 2, 4, 5] {
            received.push(Arc::new(view(tick)), Some(Tick(1)));
        }
        assert_eq!(received.history(), 0b1101, "ticks 5, 4, 2 and 1 arrived, and 3 did not");
    }
}
