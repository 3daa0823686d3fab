//! UDP traffic counts of one connection.

use std::ops::{Add, Sub};

use quinn::ConnectionStats;

/// UDP datagrams and payload bytes in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams received from the peer.
    pub datagrams_received: u64,
    /// Payload bytes received from the peer.
    pub bytes_received: u64,
    /// Datagrams sent to the peer.
    pub datagrams_sent: u64,
    /// Payload bytes sent to the peer.
    pub bytes_sent: u64,
}

impl From<ConnectionStats> for Traffic {
    fn from(stats: ConnectionStats) -> Self {
        Self {
            datagrams_received: stats.udp_rx.datagrams,
            bytes_received: stats.udp_rx.bytes,
            datagrams_sent: stats.udp_tx.datagrams,
            bytes_sent: stats.udp_tx.bytes,
        }
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            datagrams_received: self.datagrams_received + other.datagrams_received,
            bytes_received: self.bytes_received + other.bytes_received,
            datagrams_sent: self.datagrams_sent + other.datagrams_sent,
            bytes_sent: self.bytes_sent + other.bytes_sent,
        }
    }
}

/// Returns the traffic since `before`. Saturates at zero, because the counts of a new connection start again.
impl Sub for Traffic {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            datagrams_received: self.datagrams_received.saturating_sub(before.datagrams_received),
            bytes_received: self.bytes_received.saturating_sub(before.bytes_received),
            datagrams_sent: self.datagrams_sent.saturating_sub(before.datagrams_sent),
            bytes_sent: self.bytes_sent.saturating_sub(before.bytes_sent),
        }
    }
}
