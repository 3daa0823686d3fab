//! Rate limits of a peer's datagrams and messages. Decryption is paid before the limit applies, so a peer that exceeds it is closed.

use std::time::Duration;

use quarrel_shared::{limits::MAX_INPUT_BITS, tick::TickRate};

use crate::bucket::TokenBucket;

/// Control messages per second, and at once. Joins, chat and lists of a human player stay far below.
const MESSAGES_PER_SECOND: f64 = 20.0;
const MESSAGE_BURST: f64 = 40.0;

/// Chat lines per second, and at once, because each goes to every seat of the room. Lines over the limit are not relayed.
const CHATS_PER_SECOND: f64 = 1.0;
const CHAT_BURST: f64 = 5.0;

/// Datagrams per tick: one, and one more for a client that stretches its clock.
const DATAGRAMS_PER_TICK: f64 = 2.0;

/// The burst of datagrams, in seconds: a link that recovers from a stall delivers what it held.
const BURST_SECONDS: f64 = 2.0;

/// The maximum mean size of datagrams, in bytes: a full batch of the largest inputs.
const MEAN_BYTES: f64 = (8 * MAX_INPUT_BITS / 8 + 16) as f64;

/// The rate limits of one session. Times are durations since the caller's epoch.
#[derive(Debug)]
pub struct RateLimit {
    datagrams: TokenBucket,
    bytes: TokenBucket,
    messages: TokenBucket,
    chats: TokenBucket,
}

impl RateLimit {
    /// The limits of a client in rooms with this tick rate.
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

    /// Whether a datagram of this size is within the limits.
    #[must_use]
    pub fn datagram(&mut self, bytes: usize, now: Duration) -> bool {
        self.datagrams.take(1.0, now) && self.bytes.take(bytes as f64, now)
    }

    /// Whether a chat line is within the limit. Exceeding it does not end the session.
    #[must_use]
    pub fn chat(&mut self, now: Duration) -> bool {
        self.chats.take(1.0, now)
    }

    /// Whether a control message is within the limit.
    #[must_use]
    pub fn message(&mut self, now: Duration) -> bool {
        self.messages.take(1.0, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_at_its_tick_rate_stays_within_the_limit_and_a_flood_does_not() {
        let mut limit = RateLimit::new(TickRate::default(), Duration::ZERO);
        let period = Duration::from_millis(33);
        assert!((0..10_000).all(|tick| limit.datagram(60, period * tick)));
        let later = period * 10_000;
        let passed = (0..1000).filter(|_| limit.datagram(60, later)).count();
        assert!(passed <= 120, "{passed} passed at once");
    }

    #[test]
    fn the_limit_applies_to_bytes_too() {
        let mut limit = RateLimit::new(TickRate::default(), Duration::ZERO);
        let passed = (0..120).filter(|_| limit.datagram(1200, Duration::ZERO)).count();
        assert!(passed < 30, "{passed} passed");
    }
}
