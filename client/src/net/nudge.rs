//! Nudges: empty datagrams that make the server acknowledge, sent while a client waits for the server's welcome or for a seat.
//!
//! QUIC detects a lost packet early only when later packets are acknowledged. A client that has just connected sends nothing after
//! its hello (its first message), so a lost packet would be detected only by a timer, after several round trips. Until the answer
//! arrives, the client sends one empty datagram per period. The server ignores the datagram, but QUIC must acknowledge it and all
//! packets before it.

use std::time::Duration;

use bytes::Bytes;
use quinn::Connection;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The time between two nudges: less than a third of the round trip on a slow link, and with 33 datagrams a second about half of
/// what the server allows a client at 30 Hz (two per tick).
const PERIOD: Duration = Duration::from_millis(30);

/// The timer of one connection's nudges.
#[derive(Debug)]
pub(crate) struct Nudge {
    interval: Interval,
    is_active: bool,
}

impl Nudge {
    /// Creates an inactive timer.
    pub(crate) fn new() -> Self {
        let mut interval = interval(PERIOD);
        // After a stall of this side, a single nudge is enough.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, is_active: false }
    }

    /// Starts or stops the timer. The first nudge is due one period after the start; starting an active timer changes nothing.
    pub(crate) fn set_active(&mut self, is_active: bool) {
        if is_active && !self.is_active {
            self.interval.reset();
        }
        self.is_active = is_active;
    }

    /// Waits until the next nudge is due; does not return while the timer is inactive. Cancel-safe.
    pub(crate) async fn due(&mut self) {
        if self.is_active {
            self.interval.tick().await;
        } else {
            std::future::pending().await
        }
    }
}

/// Sends a nudge.
pub(crate) fn send_nudge(connection: &Connection) {
    // Sending fails only on a lost connection, which the driver notices elsewhere.
    let _ = connection.send_datagram(Bytes::new());
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nudges_are_due_once_a_period_while_active_and_never_while_inactive() {
        let mut nudge = Nudge::new();
        assert!(timeout(PERIOD * 10, nudge.due()).await.is_err(), "an inactive timer is never due");
        nudge.set_active(true);
        let start = Instant::now();
        for count in 1..=3 {
            nudge.due().await;
            assert_eq!(start.elapsed(), PERIOD * count, "one nudge a period");
        }
        nudge.set_active(false);
        assert!(timeout(PERIOD * 10, nudge.due()).await.is_err(), "a stopped timer is never due");
    }
}
