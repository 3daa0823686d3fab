//! The rate limits of one client's datagrams, control messages and chat lines. Has no I/O; the caller passes the time.
//!
//! A client that exceeds the limit of datagrams or of control messages is disconnected rather than ignored, because the server has
//! already decrypted what arrives. A chat line above the limit is only dropped.

use std::time::Duration;

use quarrel_shared::{limits::MAX_INPUT_BITS, tick::TickRate};

use crate::bucket::TokenBucket;

/// Control messages per second, and in a burst. The joins, chat lines and room lists of a human player stay far below.
const MESSAGES_PER_SECOND: f64 = 20.0;
const MESSAGE_BURST: f64 = 40.0;

/// Chat lines per second, and in a burst. Limited because each line is sent to every seat of the room.
const CHATS_PER_SECOND: f64 = 1.0;
const CHAT_BURST: f64 = 5.0;

/// Datagrams per tick: a client sends one per tick, and its clock may run faster than the server's for a while.
const DATAGRAMS_PER_TICK: f64 = 2.0;

/// The burst of datagrams, in seconds: a link that recovers from a stall delivers all delayed datagrams at once, and a process that was paused
/// finds them in its socket. As long as the default idle timeout, after which a stall has ended the connection anyway.
const BURST_SECONDS: f64 = 10.0;

/// The maximum mean size of a datagram, in bytes: eight inputs of the maximum size, and 16 bytes for the header. The two datagrams allowed
/// per tick have twice this size, which is more than the largest datagram of a client that sends one per tick.
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
    /// Creates the limits of a client in rooms with this tick rate, with the full burst available at `now`.
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

    /// Counts a datagram of this size. Returns true if it is within the limits.
    #[must_use]
    pub fn allow_datagram(&mut self, bytes: usize, now: Duration) -> bool {
        self.datagrams.take(1.0, now) && self.bytes.take(bytes as f64, now)
    }

    /// Counts a chat line. Returns true if it is within the limit.
    #[must_use]
    pub fn allow_chat(&mut self, now: Duration) -> bool {
        self.chats.take(1.0, now)
    }

    /// Counts a control message. Returns true if it is within the limit.
    #[must_use]
    pub fn allow_message(&mut self, now: Duration) -> bool {
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
        assert!((0..10_000).all(|tick| limit.allow_datagram(60, period * tick)));
        let later = period * 10_000;
        let allowed = (0..1000).filter(|_| limit.allow_datagram(60, later)).count();
        assert!(allowed <= 600, "{allowed} datagrams were allowed at once");
    }

    #[test]
    fn the_datagrams_of_a_stall_of_nine_seconds_are_allowed_at_once() {
        let mut limit = RateLimit::new(TickRate::default(), Duration::ZERO);
        assert!((0..9 * 33).all(|_| limit.allow_datagram(60, Duration::ZERO)));
    }

    #[test]
    fn large_datagrams_exceed_the_limit_of_bytes_before_that_of_datagrams() {
        let mut limit = RateLimit::new(TickRate::default(), Duration::ZERO);
        let allowed = (0..600).filter(|_| limit.allow_datagram(1200, Duration::ZERO)).count();
        assert!(allowed < 100, "{allowed} datagrams were allowed");
    }
}
