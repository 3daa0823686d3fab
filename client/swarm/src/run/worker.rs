//! A worker: one thread that runs its share of the bots by the schedule, and records their counts.

use std::{io, sync::Arc};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    context::WorkerContext, error::RunError, load_monitor, schedule::BotSchedule, sockets::BotSockets,
};
use crate::{
    bot::HostileBot,
    game::{GameEntry, GameRegistry},
    plan::{Plan, ServerTarget},
};
use quarrel_client::{Connector, net::transport};

/// The configuration of all workers of a process.
pub(crate) struct WorkerConfig {
    pub(crate) plan: Arc<Plan>,
    pub(crate) games: GameRegistry,
    /// The server of each group of the plan, by the group's index.
    pub(crate) targets: Arc<[ServerTarget]>,
    /// The time at which the run starts.
    pub(crate) start: Instant,
    pub(crate) stop: CancellationToken,
    /// The index of this process, below `processes`.
    pub(crate) process: u32,
    /// The number of processes that share the plan's bots.
    pub(crate) processes: u32,
}

/// The bots of one thread.
pub(crate) struct Worker {
    context: Arc<WorkerContext>,
    games: GameRegistry,
    /// The index of this worker among the workers of all processes; it runs the bots whose number modulo `workers` is `index`.
    index: u32,
    /// The number of workers of all processes.
    workers: u32,
    /// Whether this worker reports the memory of its process. Only the first one of a process does.
    reports_memory: bool,
}

impl WorkerConfig {
    /// Raises the limit of open files, and creates the workers of this process without starting them.
    pub(crate) fn workers(&self) -> Vec<Worker> {
        raise_file_limit();
        let threads = self.plan.threads;
        let worker = |thread| Worker {
            context: Arc::new(WorkerContext::new(
                Arc::clone(&self.plan),
                Arc::clone(&self.targets),
                self.start,
                self.stop.clone(),
            )),
            games: self.games.clone(),
            index: self.process * threads + thread,
            workers: self.processes * threads,
            reports_memory: thread == 0,
        };
        (0..threads).map(worker).collect()
    }
}

impl Worker {
    /// Returns the context of this worker's bots.
    pub(crate) fn context(&self) -> Arc<WorkerContext> {
        Arc::clone(&self.context)
    }

    /// Runs all bots of this worker to their end, hostile ones included, and measures the load of its thread.
    ///
    /// # Errors
    /// When the system provides no runtime or socket, or a bot panics.
    pub(crate) fn run(self, schedule: &[BotSchedule]) -> Result<(), RunError> {
        let context = &self.context;
        current_thread_runtime()?.block_on(async {
            let finished = CancellationToken::new();
            let self_load =
                tokio::spawn(load_monitor::measure(self.context(), self.reports_memory, finished.clone()));
            let mut tasks = JoinSet::new();
            // Agents create their workers before the run starts.
            tokio::select! {
                biased;
                () = context.stop.cancelled() => {}
                () = sleep_until(context.start) => self.start_hostile_bots(&mut tasks)?,
            }
            let mut sockets = BotSockets::default();
            let is_own = |bot: &&BotSchedule| bot.bot % self.workers == self.index;
            for bot in schedule.iter().filter(is_own) {
                tokio::select! {
                    biased;
                    () = context.stop.cancelled() => break,
                    () = sleep_until(context.start + bot.joins_at) => {}
                }
                while tasks.try_join_next().is_some() {}
                let connector = sockets.connector(context, bot)?;
                tasks.spawn(self.game(bot.group)?.play(connector, bot.clone(), self.context()));
            }
            while let Some(ended) = tasks.join_next().await {
                ended.map_err(|_| RunError::Panicked)?;
            }
            finished.cancel();
            self_load.await.map_err(|_| RunError::Panicked)?;
            sockets.flush().await;
            Ok(())
        })
    }

    /// Starts this worker's hostile bots, each with its own socket, so that an attack does not delay other bots' packets.
    fn start_hostile_bots(&self, tasks: &mut JoinSet<()>) -> Result<(), RunError> {
        let kinds = self.context.plan.hostile.iter();
        let kinds = kinds.flat_map(|hostile| (0..hostile.bots).map(|_| hostile.kind));
        for (number, kind) in (0_u32..).zip(kinds).filter(|(number, _)| number % self.workers == self.index) {
            let group = self.context.hostile_group(number);
            let target = self.context.targets.get(usize::from(group)).ok_or(RunError::Panicked)?;
            let connector =
                Connector::new(transport::open_endpoint(target.connect.server)?, &target.connect)?;
            let bot = HostileBot { kind, number, group };
            tasks.spawn(self.game(group)?.attack(bot, connector, self.context()));
        }
        Ok(())
    }

    /// Returns the game of a group.
    fn game(&self, group: u16) -> Result<&GameEntry, RunError> {
        let name = self.context.plan.bots.get(usize::from(group)).and_then(|group| group.game.as_deref());
        self.games.find(name).ok_or(RunError::Panicked)
    }
}

/// Raises the limit of open files. Each bot on a link has its own socket, and many systems limit a process to 1,000 files by default. If
/// the limit cannot be raised, the run ends with the error of the first bot that gets no socket.
fn raise_file_limit() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// Creates a runtime for one thread.
pub(crate) fn current_thread_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
