//! The backlog check: whether two datagrams are queued already, so that no further snapshot is made. Pure.
//!
//! Datagrams wait for the congestion window, and a queued snapshot is outdated by the next tick. The connection's buffer holds two of
//! the largest snapshots; most are a twentieth of that, so that dozens would fit, and a link that recovers from a stall would deliver a second
//! of outdated snapshots. So queued datagrams are sent first, and the next snapshot is made from a later frame.

/// The sizes of the last two datagrams, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlog([usize; 2]);

impl Backlog {
    /// Records a datagram passed to the connection.
    pub const fn record_sent(&mut self, bytes: usize) {
        self.0 = [self.0[1], bytes];
    }

    /// Whether two datagrams are queued, given the bytes that are.
    #[must_use]
    pub const fn is_full(&self, queued_bytes: usize) -> bool {
        queued_bytes > 0 && queued_bytes >= self.0[0] + self.0[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_two_datagrams_are_queued() {
        let mut backlog = Backlog::default();
        assert!(!backlog.is_full(0), "nothing was sent, so nothing is queued");
        for bytes in [900, 70, 66] {
            backlog.record_sent(bytes);
        }
        assert!(!backlog.is_full(0) && !backlog.is_full(66), "one is queued");
        assert!(backlog.is_full(136), "two are queued");
    }
}
