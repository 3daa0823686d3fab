//! Heartbeats of groups of threads: a task on each runtime records the time again and again. A recorded time that is old means that the
//! threads of that runtime do not run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, time::interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The interval of heartbeats.
const INTERVAL: Duration = Duration::from_millis(500);

/// The age of the last heartbeat from which on a group of threads is stalled. Longer than any step of a game or any burst of handshakes
/// should take, and short against the ten seconds after which players are disconnected.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The heartbeats of all groups of threads. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heartbeats(Vec<Heartbeat>);

#[derive(Clone, Debug)]
struct Heartbeat {
    threads: &'static str,
    last: Arc<Mutex<Instant>>,
}

impl Heartbeats {
    /// Starts the heartbeat of a runtime in a task of `tasks`, until `stop` is cancelled.
    pub(crate) fn start(
        &mut self,
        threads: &'static str,
        runtime: &Handle,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) {
        let last = Arc::new(Mutex::new(Instant::now()));
        self.0.push(Heartbeat { threads, last: Arc::clone(&last) });
        let beat = async move {
            let mut timer = interval(INTERVAL);
            while stop.run_until_cancelled(timer.tick()).await.is_some() {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
        };
        tasks.spawn_on(beat, runtime);
    }

    /// Returns the names of the groups of threads whose last heartbeat is too old.
    pub(crate) fn stalled(&self, now: Instant) -> Vec<&'static str> {
        let is_stalled = |beat: &&Heartbeat| {
            let last = *beat.last.lock().unwrap_or_else(PoisonError::into_inner);
            now.saturating_duration_since(last) >= STALL_TIMEOUT
        };
        self.0.iter().filter(is_stalled).map(|beat| beat.threads).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runtime_without_a_heartbeat_for_five_seconds_is_stalled() {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let mut heartbeats = Heartbeats::default();
        heartbeats.start("network", &Handle::current(), &tasks, stop.clone());
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        let now = Instant::now();
        assert!(heartbeats.stalled(now).is_empty());
        assert_eq!(heartbeats.stalled(now + STALL_TIMEOUT), ["network"]);
    }
}
