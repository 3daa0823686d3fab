//! Packets that say nothing, sent while somebody waits for a seat.
//!
//! A lost packet is found early only when later ones are acknowledged, and a newcomer has nothing to send after its hello: what got
//! lost would be found by a timer of several round trips. So until the answer is there, an empty datagram goes out again and again. The
//! other end ignores it, but has to acknowledge it, and acknowledges along with it whatever this end must know.

use std::time::Duration;

use bytes::Bytes;
use quinn::Connection;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often. Below a third of most round trips, and half of what the server lets a client send at its slowest tick rate.
const EVERY: Duration = Duration::from_millis(30);

/// One connection's nudges.
#[derive(Debug)]
pub(crate) struct Nudge {
    every: Interval,
    is_wanted: bool,
}

impl Nudge {
    /// None are sent yet.
    pub(crate) fn new() -> Self {
        let mut every = interval(EVERY);
        // After a stall one is as good as many.
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { every, is_wanted: false }
    }

    /// Whether an answer is awaited. The first nudge comes one period after the question.
    pub(crate) fn want(&mut self, is_wanted: bool) {
        if is_wanted && !self.is_wanted {
            self.every.reset();
        }
        self.is_wanted = is_wanted;
    }

    /// Waits until it is time for the next one; for ever while none is wanted. Cancel-safe.
    pub(crate) async fn due(&mut self) {
        if self.is_wanted {
            self.every.tick().await;
        } else {
            std::future::pending().await
        }
    }
}

/// Sends one.
pub(crate) fn nudge(connection: &Connection) {
    // It fails only on a lost connection, which shows elsewhere.
    let _ = connection.send_datagram(Bytes::new());
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nudges_come_while_an_answer_is_awaited_and_no_longer() {
        let mut nudge = Nudge::new();
        assert!(timeout(EVERY * 10, nudge.due()).await.is_err(), "nobody asked for anything");
        nudge.want(true);
        let asked = Instant::now();
        for count in 1..=3 {
            nudge.due().await;
            assert_eq!(asked.elapsed(), EVERY * count, "one each period");
        }
        nudge.want(false);
        assert!(timeout(EVERY * 10, nudge.due()).await.is_err(), "the answer is there");
    }
}
