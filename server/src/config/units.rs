//! Configured times and sizes as [`Duration`]s and bytes.

use std::time::Duration;

use super::keys::{JournalConfig, NetConfig, RoomConfig, SessionConfig, StopConfig};

impl NetConfig {
    /// Returns the time for a new connection to complete its handshake and identify itself.
    pub fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.handshake_timeout_ms)
    }

    /// Returns the silence after which a connection counts as lost.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// Returns the interval of keep-alive packets on a silent connection.
    pub fn keep_alive(&self) -> Duration {
        Duration::from_millis(self.keep_alive_ms)
    }
}

impl JournalConfig {
    /// Returns the interval of checkpoints.
    pub fn checkpoint(&self) -> Duration {
        Duration::from_millis(self.checkpoint_ms.into())
    }

    /// Returns the interval of checksums; zero means checksums in checkpoints only.
    pub fn checksum(&self) -> Duration {
        Duration::from_millis(self.checksum_ms.into())
    }

    /// Returns the age after which the journal of an ended room, or one that was set aside, is deleted; `None` means no limit of age.
    pub fn keep(&self) -> Option<Duration> {
        (self.keep_hours > 0).then(|| Duration::from_secs(self.keep_hours * 3600))
    }

    /// Returns the maximum size of all journals together, in bytes; `None` means no limit of size.
    pub fn keep_bytes(&self) -> Option<u64> {
        (self.keep_mb > 0).then(|| self.keep_mb * 1_000_000)
    }
}

impl RoomConfig {
    /// Returns the time that a room without players is kept.
    pub fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }
}

impl SessionConfig {
    /// Returns the time that the seat of a disconnected player is held; zero frees the seat at once.
    pub fn hold(&self) -> Duration {
        Duration::from_millis(self.hold_ms.into())
    }
}

impl StopConfig {
    /// Returns the time for a graceful stop.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}
