//! Heartbeats of groups of threads: a task on each runtime records the time again and again. A recorded time that is old means that the
//! threads of that runtime do not run, unless the whole process was paused ([`PauseWatch`]).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, time::interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The interval of heartbeats.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

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

    /// Returns the names of the groups of threads whose last heartbeat is too old, in a process that has run without a pause since
    /// `running_since`.
    pub(crate) fn stalled(&self, now: Instant, running_since: Instant) -> Vec<&'static str> {
        let is_stalled = |beat: &&Heartbeat| {
            let last = *beat.last.lock().unwrap_or_else(PoisonError::into_inner);
            now.saturating_duration_since(last.max(running_since)) >= STALL_TIMEOUT
        };
        self.0.iter().filter(is_stalled).map(|beat| beat.threads).collect()
    }
}

/// The time between two observations from which on the process was paused.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// Detects pauses of the whole process (SIGSTOP, a suspended machine), after which nothing has run for some time although nothing is
/// stuck. The observer is one thread that has little else to do: when it did not run either, the process was paused. Has no clock.
#[derive(Debug)]
pub(crate) struct PauseWatch {
    observed: Instant,
    running_since: Instant,
}

impl PauseWatch {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { observed: now, running_since: now }
    }

    /// Returns the time since which the process has run without a pause. Must be called at least every [`INTERVAL`].
    pub(crate) fn observe(&mut self, now: Instant) -> Instant {
        if now.saturating_duration_since(self.observed) >= MIN_PAUSE {
            self.running_since = now;
        }
        self.observed = now;
        self.running_since
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
        assert!(heartbeats.stalled(now, now).is_empty());
        let later = now + STALL_TIMEOUT;
        assert_eq!(heartbeats.stalled(later, now), ["network"]);
        assert!(heartbeats.stalled(later, now + INTERVAL).is_empty(), "the process was paused");
        assert_eq!(heartbeats.stalled(later + INTERVAL, now + INTERVAL), ["network"]);
    }

    #[test]
    fn a_long_time_without_an_observation_is_a_pause() {
        let start = Instant::now();
        let mut pauses = PauseWatch::new(start);
        assert_eq!(pauses.observe(start + INTERVAL), start);
        let resumed = start + INTERVAL + MIN_PAUSE;
        assert_eq!(pauses.observe(resumed), resumed);
        assert_eq!(pauses.observe(resumed + INTERVAL), resumed);
    }
}
