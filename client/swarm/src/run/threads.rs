//! The threads of this process that run bots, one worker on each.

use std::{sync::Arc, thread};

use tokio_util::sync::DropGuard;

use super::{
    context::WorkerContext, controller::BatchSource, error::RunError, schedule::BotSchedule,
    worker::WorkerConfig,
};
use crate::measure::Batch;

/// The running workers of this process.
pub(crate) struct WorkerThreads {
    contexts: Vec<Arc<WorkerContext>>,
    handles: Vec<thread::JoinHandle<Result<(), RunError>>>,
    // Dropping this stops the threads, also when the caller that waits for them panics or is cancelled.
    _stop: DropGuard,
}

impl WorkerThreads {
    /// Starts all workers of this process.
    ///
    /// # Errors
    /// When the system provides no thread.
    pub(crate) fn start(config: &WorkerConfig, schedule: &[BotSchedule]) -> Result<Self, RunError> {
        let stop = config.stop.clone().drop_guard();
        let workers = config.workers();
        let contexts = workers.iter().map(|worker| worker.context()).collect();
        let schedule: Arc<[BotSchedule]> = schedule.into();
        let mut handles = Vec::new();
        for (index, worker) in workers.into_iter().enumerate() {
            let schedule = Arc::clone(&schedule);
            let thread = thread::Builder::new().name(format!("bots-{index}"));
            handles.push(thread.spawn(move || worker.run(&schedule))?);
        }
        Ok(Self { contexts, handles, _stop: stop })
    }

    /// Waits until all threads have ended, and returns the counts since the last [`BatchSource::take`]. A thread ends when all its bots
    /// have ended; cancelling the stop token ends them early.
    ///
    /// # Errors
    /// When a thread returned an error or panicked.
    pub(crate) fn join(mut self) -> Result<Batch, RunError> {
        for handle in self.handles.drain(..) {
            handle.join().map_err(|_| RunError::Panicked)??;
        }
        Ok(self.take())
    }
}

impl BatchSource for WorkerThreads {
    fn take(&mut self) -> Batch {
        let mut all = Batch::default();
        self.contexts.iter().for_each(|context| all.merge(context.take()));
        all
    }

    fn is_over(&self) -> bool {
        self.handles.iter().all(thread::JoinHandle::is_finished)
    }
}
