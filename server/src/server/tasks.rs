//! The tasks of a running server: the tokens that stop each group of tasks, and the trackers that await them.

use std::time::Duration;

use tokio::{runtime::Handle, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::error;

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
    /// Cancelled when a task that the server cannot run without has panicked.
    pub(super) failed: CancellationToken,
}

/// The time between the panic of a periodic task and its next start.
const RESTART_DELAY: Duration = Duration::from_secs(1);

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
            failed: CancellationToken::new(),
        }
    }

    /// Starts a task that the server cannot run without. If it panics, the server stops.
    pub(super) fn spawn_essential(
        &self,
        name: &'static str,
        tracker: &TaskTracker,
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let (failed, task) = (self.failed.clone(), runtime.spawn(task));
        let watch = async move {
            if task.await.is_err_and(|error| error.is_panic()) {
                error!(task = name, "essential task panicked, the server stops");
                failed.cancel();
            }
        };
        tracker.spawn_on(watch, runtime);
    }

    /// Starts periodic work. If it panics, it starts again.
    pub(super) fn spawn_periodic<F>(
        &self,
        name: &'static str,
        tracker: &TaskTracker,
        runtime: &Handle,
        start: impl Fn() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, inner) = (self.stopping.clone(), runtime.clone());
        let watch = async move {
            while inner.spawn(start()).await.is_err_and(|error| error.is_panic()) {
                error!(task = name, "periodic task panicked, it starts again");
                if stop.run_until_cancelled(sleep(RESTART_DELAY)).await.is_none() {
                    return;
                }
            }
        };
        tracker.spawn_on(watch, runtime);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    use super::*;

    #[tokio::test]
    async fn a_panic_of_an_essential_task_stops_the_server_and_its_end_does_not() {
        let tasks = Tasks::new();
        tasks.spawn_essential("accept", &tasks.background, &Handle::current(), async {});
        tasks.background.close();
        tasks.background.wait().await;
        assert!(!tasks.failed.is_cancelled());
        tasks.spawn_essential("accept", &tasks.background, &Handle::current(), async { panic!("a defect") });
        tasks.failed.cancelled().await;
    }

    #[tokio::test(start_paused = true)]
    async fn periodic_work_starts_again_after_a_panic_until_it_ends() {
        let (tasks, starts) = (Tasks::new(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&starts);
        tasks.spawn_periodic("sweep", &tasks.background, &Handle::current(), move || {
            let start = counted.fetch_add(1, Relaxed);
            async move { assert!(start >= 2, "a defect") }
        });
        tasks.background.close();
        tasks.background.wait().await;
        assert_eq!(starts.load(Relaxed), 3);
        assert!(!tasks.failed.is_cancelled());
    }
}
