//! How much a peer may send. Decrypting is paid before we see anything, so whoever sends more than anybody needs is closed.

use std::time::Duration;

use quarrel_shared::{limits::MAX_INPUT_BITS, tick::TickRate};

use crate::bucket::TokenBucket;

/// Control messages a second, and at once: joins, chat and lists by hand never come near.
const MESSAGES_PER_SECOND: f64 = 20.0;
const MESSAGE_BURST: f64 = 40.0;

/// Chat lines a second, and at once: each goes to everybody in the room. Those over it are not relayed.
const CHATS_PER_SECOND: f64 = 1.0;
const CHAT_BURST: f64 = 5.0;

/// How many datagrams a client may send for each tick: one, and as many again for a clock that is being stretched.
const DATAGRAMS_PER_TICK: f64 = 2.0;

/// How many seconds of datagrams may come at once: a link that stalled gives back what it held.
const BURST_SECONDS: f64 = 2.0;

/// The mean size that datagrams may have, in bytes: a whole run of the largest inputs.
const MEAN_BYTES: f64 = (8 * MAX_INPUT_BITS / 8 + 16) as f64;

/// A session's budget. Times are durations since an epoch of the caller's.
#[derive(Debug)]
pub struct RateLimit {
    datagrams: TokenBucket,
    bytes: TokenBucket,
    messages: TokenBucket,
    chats: TokenBucket,
}

impl RateLimit {
    /// For a client of rooms with this tick rate.
    #[must_use]
    pub fn new(rate: TickRate, now: Duration) -> Self {
        let per_second = f64::from(rate.hz()) * DATAGRAMS_PER_TICK;
        let burst = per_second * BURST_SECONDS;
        Self {
            datagrams: TokenBucket::full(per_second, burst, now),
            bytes: TokenBucket::full(per_second * MEAN_BYTES, burst * MEAN_BYTES, now),
            messages: TokenBucket::full(MESSAGES_PER_SECOND, MESSAGE_BURST, now),
            chats: TokenBucket::full(CHATS_PER_SECOND, CHAT_BURST, now),
        }
    }

    /// Whether a datagram of this size is within the budget.
    #[must_use]
    pub fn datagram(&mut self, bytes: usize, now: Duration) -> bool {
        self.datagrams.take(1.0, now) && self.bytes.take(bytes as f64, now)
    }

    /// Whether a chat line is within the budget; over it is no reason to end a session.
    #[must_use]
    pub fn chat(&mut self, now: Duration) -> bool {
        self.chats.take(1.0, now)
    }

    /// Whether a control message is within the budget.
    #[must_use]
    pub fn message(&mut self, now: Duration) -> bool {
        self.messages.take(1.0, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_at_its_tick_rate_never_meets_the_limit_and_a_flood_does() {
        let mut limit = RateLimit::new(TickRate::default(), Duration::ZERO);
        let period = Duration::from_millis(33);
        assert!((0..10_000).all(|tick| limit.datagram(60, period * tick)));
        let later = period * 10_000;
        let passed = (0..1000).filter(|_| limit.datagram(60, later)).count();
        assert!(passed <= 120, "{passed} passed at once");
    }

    #[test]
    fn few_large_datagrams_meet_the_limit_too() {
        let mut limit = RateLimit::new(TickRate::default(), Duration::ZERO);
        let passed = (0..120).filter(|_| limit.datagram(1200, Duration::ZERO)).count();
        assert!(passed < 30, "{passed} passed");
    }
}
