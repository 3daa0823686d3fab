//! The reason of a stop.

use std::sync::{Arc, OnceLock};

use quarrel_shared::protocol::CloseReason;

/// The reason that a stopping server sends to its players. It must be set before the sessions stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct StopReason(Arc<OnceLock<CloseReason>>);

impl StopReason {
    /// Sets the reason to [`CloseReason::ServerRestarting`]: the next run restores rooms and seats.
    pub fn restart(&self) {
        // No other reason is ever set.
        let _ = self.0.set(CloseReason::ServerRestarting);
    }

    /// Returns [`CloseReason::ServerStopping`], unless a restart is set.
    #[must_use]
    pub fn get(&self) -> CloseReason {
        self.0.get().copied().unwrap_or(CloseReason::ServerStopping)
    }
}
