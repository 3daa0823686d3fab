//! The tasks of a running server: how each group is asked to stop, and how it is awaited.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::shutdown::StopReason;

/// Stop tokens and trackers of the server's tasks, in stop order.
pub(super) struct Tasks {
    /// Cancelled first: no new sessions, and `/readyz` answers "stopping".
    pub(super) stopping: CancellationToken,
    pub(super) sessions_stop: CancellationToken,
    /// The reason that sessions send to their players.
    pub(super) stop_reason: StopReason,
    pub(super) rooms_stop: CancellationToken,
    pub(super) admin_stop: CancellationToken,
    pub(super) sessions: TaskTracker,
    pub(super) background: TaskTracker,
    pub(super) storage: TaskTracker,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self {
            stopping: CancellationToken::new(),
            sessions_stop: CancellationToken::new(),
            stop_reason: StopReason::default(),
            rooms_stop: CancellationToken::new(),
            admin_stop: CancellationToken::new(),
            sessions: TaskTracker::new(),
            background: TaskTracker::new(),
            storage: TaskTracker::new(),
        }
    }
}
