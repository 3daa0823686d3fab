//! Configured times and sizes in their own types.

use std::time::Duration;

use super::keys::{JournalConfig, NetConfig, RoomConfig, SessionConfig, StopConfig};

impl NetConfig {
    /// The time for a new connection to complete its handshake and identify itself.
    pub fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.handshake_timeout_ms)
    }

    /// The silence after which a connection counts as lost.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// The interval of keep-alive packets on a silent connection.
    pub fn keep_alive(&self) -> Duration {
        Duration::from_millis(self.keep_alive_ms)
    }
}

impl JournalConfig {
    /// The interval of checkpoints.
    pub fn checkpoint(&self) -> Duration {
        Duration::from_millis(self.checkpoint_ms.into())
    }

    /// The interval of checksums; zero means no checksums.
    pub fn checksum(&self) -> Duration {
        Duration::from_millis(self.checksum_ms.into())
    }

    /// The age at which an ended room's journal is deleted; `None` means no limit of age.
    pub fn keep(&self) -> Option<Duration> {
        (self.keep_hours > 0).then(|| Duration::from_secs(self.keep_hours * 3600))
    }

    /// The maximum size of all journals together; `None` means no limit of size.
    pub fn keep_bytes(&self) -> Option<u64> {
        (self.keep_mb > 0).then(|| self.keep_mb * 1_000_000)
    }
}

impl RoomConfig {
    /// The time that a room without players is kept.
    pub fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }
}

impl SessionConfig {
    /// The time that the seat of a disconnected player is held; zero frees it at once.
    pub fn hold(&self) -> Duration {
        Duration::from_millis(self.hold_ms.into())
    }
}

impl StopConfig {
    /// The time for a graceful stop.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}
