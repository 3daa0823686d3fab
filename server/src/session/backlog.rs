//! When a snapshot is better not made: two of them wait to be sent already. Pure.
//!
//! Datagrams wait for the congestion window, and what waits is outdated by the next tick. The connection's buffer holds two of the
//! largest snapshots; most are a twentieth of that, so many would fit, and a link that stalled would then deliver a second of the
//! past. Whatever waits is let go first, and the frame after it is told instead.

/// The sizes of the last two datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlog([usize; 2]);

impl Backlog {
    /// A datagram of so many bytes goes to the connection.
    pub const fn sent(&mut self, bytes: usize) {
        self.0 = [self.0[1], bytes];
    }

    /// Whether two ticks of datagrams wait already, when so many bytes do.
    #[must_use]
    pub const fn is_full(&self, waiting_bytes: usize) -> bool {
        waiting_bytes > 0 && waiting_bytes >= self.0[0] + self.0[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ticks_of_datagrams_may_wait_and_no_more() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_full(0), "nothing was sent, so nothing waits");
        for bytes in [900, 70, 66] {
            backlog.sent(bytes);
        }
        assert!(!backlog.is_full(0) && !backlog.is_full(66), "one waits");
        assert!(backlog.is_full(136), "two wait");
    }
}
