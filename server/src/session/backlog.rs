//! The backlog check: while two datagrams are queued, a session makes no further snapshot. Has no I/O.
//!
//! QUIC queues datagrams until the congestion window has room, and a queued snapshot is outdated by the next tick. The connection's send
//! buffer holds two of the largest snapshots. Most snapshots are a twentieth of that size, so without this check dozens would be queued,
//! and a link that recovers from a stall would deliver a second of outdated snapshots. With it, the queued datagrams are sent first, and
//! the next snapshot is made from a later frame.

/// The sizes of the last two datagrams passed to the connection, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlog([usize; 2]);

impl Backlog {
    /// Records a datagram passed to the connection.
    pub const fn record_sent(&mut self, bytes: usize) {
        self.0 = [self.0[1], bytes];
    }

    /// Returns true if at least two datagrams are still queued, given the number of bytes in the connection's send queue.
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
        assert!(
            !backlog.is_full(0) && !backlog.is_full(66),
            "with one queued datagram the backlog is not full"
        );
        assert!(backlog.is_full(136), "with two queued datagrams the backlog is full");
    }
}
