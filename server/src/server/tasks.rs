//! The tasks of a running server: the tokens that stop each group of tasks, and the trackers that await them.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::shutdown::StopReason;

/// Stop tokens and trackers of the server's tasks.
pub(super) struct Tasks {
    /// Cancelled first: stops the background tasks and retention, and `/readyz` answers "stopping".
    pub(super) stopping: CancellationToken,
    /// Stops the sessions.
    pub(super) sessions_stop: CancellationToken,
    /// The reason that sessions send to their players.
    pub(super) stop_reason: StopReason,
    /// Stops the rooms, whose tasks the lobby tracks.
    pub(super) rooms_stop: CancellationToken,
    /// Cancelled last, so that operators can watch the stop.
    pub(super) admin_stop: CancellationToken,
    pub(super) sessions: TaskTracker,
    /// The acceptor of connections, and maintenance.
    pub(super) background: TaskTracker,
    /// The tasks that write results and journals, and retention. They end when no other task can submit data.
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
