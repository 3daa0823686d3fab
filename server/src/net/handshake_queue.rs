//! The queue of admitted handshakes: which one starts next, and when. Has no I/O; the caller passes the time.
//!
//! A handshake costs 0.35-0.5 ms. Without a rate limit, a thousand handshakes at once would take half a second of CPU away from connected
//! players. With a rate limit and a single queue, one network with many connections would delay all others. So there are two queues: the
//! handshakes of networks within their fair share start first, regardless of the length of the other queue.

use std::{collections::VecDeque, time::Duration};

use crate::bucket::TokenBucket;

/// Handshakes per second, and in a burst, of all networks together.
const HANDSHAKES_PER_SECOND: f64 = 300.0;
const HANDSHAKE_BURST: f64 = 64.0;

/// The maximum number of queued low-priority handshakes: 256 / 300 per second = somewhat less than a second of handshakes. More would
/// only wait until their clients give up, and would count as half-open meanwhile.
const MAX_LOW_PRIORITY: usize = 256;

/// The minimum that [`HandshakeQueue::wait`] returns. Timers have a resolution of 1 ms, and a wait that is rounded to zero would cause a
/// busy loop.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// The priority of a handshake. It limits nothing, and only orders the handshakes that cannot all start at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// The network is within its fair share.
    Normal,
    /// The network is above its fair share, and uses the capacity that the others leave.
    Low,
}

/// The queues of both priorities, and the rate limit that they share.
#[derive(Debug)]
pub(super) struct HandshakeQueue<T> {
    rate: TokenBucket,
    normal: VecDeque<Queued<T>>,
    low: VecDeque<Queued<T>>,
}

/// An item taken from the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dequeued<T> {
    /// The item may start now.
    Ready(T),
    /// The item's deadline has passed. It takes no token of the rate limit, because a long queue would otherwise spend all tokens on
    /// clients that have given up.
    Expired(T),
}

#[derive(Debug)]
struct Queued<T> {
    item: T,
    deadline: Duration,
}

impl<T> HandshakeQueue<T> {
    /// Creates an empty queue.
    pub(super) fn new() -> Self {
        let rate = TokenBucket::full(HANDSHAKES_PER_SECOND, HANDSHAKE_BURST, Duration::ZERO);
        Self { rate, normal: VecDeque::new(), low: VecDeque::new() }
    }

    /// Appends an item to the queue of its priority.
    ///
    /// # Errors
    /// Returns the item when the queue of low priority is full. The number of normal ones is bounded by the caller's limit of half-open
    /// handshakes.
    pub(super) fn push(&mut self, item: T, priority: Priority, deadline: Duration) -> Result<(), T> {
        let queue = match priority {
            Priority::Normal => &mut self.normal,
            Priority::Low if self.low.len() >= MAX_LOW_PRIORITY => return Err(item),
            Priority::Low => &mut self.low,
        };
        queue.push_back(Queued { item, deadline });
        Ok(())
    }

    /// Takes the next item. Returns `None` if both queues are empty or the rate limit has no token.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Dequeued<T>> {
        let queue = if self.normal.is_empty() { &mut self.low } else { &mut self.normal };
        let is_expired = queue.front()?.deadline <= now;
        if !is_expired && !self.rate.take(1.0, now) {
            return None;
        }
        let item = queue.pop_front()?.item;
        Some(if is_expired { Dequeued::Expired(item) } else { Dequeued::Ready(item) })
    }

    /// Returns the time until the next item may start; `None` if both queues are empty. To be called after [`Self::pop`] returned `None`.
    pub(super) fn wait(&mut self, now: Duration) -> Option<Duration> {
        let is_empty = self.normal.is_empty() && self.low.is_empty();
        (!is_empty).then(|| self.rate.wait(now).max(MIN_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(1000);

    fn pop_ready(queue: &mut HandshakeQueue<u32>, now: Duration) -> Vec<u32> {
        let next = || match queue.pop(now)? {
            Dequeued::Ready(item) => Some(item),
            Dequeued::Expired(item) => panic!("{item} has not expired"),
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn handshakes_of_normal_priority_start_first_and_each_queue_keeps_its_order() {
        let mut queue = HandshakeQueue::new();
        for (item, priority) in
            [(1, Priority::Low), (2, Priority::Normal), (3, Priority::Low), (4, Priority::Normal)]
        {
            queue.push(item, priority, FAR).unwrap();
        }
        assert_eq!(pop_ready(&mut queue, Duration::ZERO), [2, 4, 1, 3]);
    }

    #[test]
    fn handshakes_start_in_a_burst_and_then_at_the_rate() {
        let mut queue = HandshakeQueue::new();
        assert_eq!(queue.wait(Duration::ZERO), None, "an empty queue returns no time to wait");
        (0..1000).for_each(|item| queue.push(item, Priority::Normal, FAR).unwrap());
        assert_eq!(pop_ready(&mut queue, Duration::ZERO).len(), HANDSHAKE_BURST as usize);
        let mut now = Duration::ZERO;
        let mut wakeups = 0;
        while let Some(wait) = queue.wait(now) {
            assert!(wait >= MIN_WAIT, "a wait of zero would be a busy loop");
            now += wait;
            wakeups += 1;
            pop_ready(&mut queue, now);
        }
        let expected = (1000.0 - HANDSHAKE_BURST) / HANDSHAKES_PER_SECOND;
        assert!((now.as_secs_f64() - expected).abs() < 0.02, "{now:?}, not {expected} s");
        assert!(wakeups < 2000, "each wake-up starts about one handshake: {wakeups} wake-ups");
    }

    #[test]
    fn the_low_priority_queue_is_bounded_and_does_not_block_normal_priority() {
        let mut queue = HandshakeQueue::new();
        let queued = (0..10_000).filter(|item| queue.push(*item, Priority::Low, FAR).is_ok()).count();
        assert_eq!(queued, MAX_LOW_PRIORITY);
        assert_eq!(queue.push(10_001, Priority::Normal, FAR), Ok(()));
        assert_eq!(queue.pop(Duration::ZERO), Some(Dequeued::Ready(10_001)));
    }

    #[test]
    fn an_expired_handshake_costs_no_token() {
        let mut queue = HandshakeQueue::new();
        (0..500).for_each(|item| queue.push(item, Priority::Normal, Duration::from_secs(5)).unwrap());
        queue.push(500, Priority::Normal, FAR).unwrap();
        let now = Duration::from_secs(5);
        for item in 0..500 {
            assert_eq!(queue.pop(now), Some(Dequeued::Expired(item)));
        }
        assert_eq!(
            queue.pop(now),
            Some(Dequeued::Ready(500)),
            "the handshake that has not expired starts at once"
        );
    }
}
