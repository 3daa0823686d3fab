//! A run in this process: bots on threads, a controller that collects their counts, and the report.
//!
//! - [`schedule`](mod@schedule): the times at which each bot joins and leaves.
//! - `worker`: one thread of bots; `threads`: all threads; `context`: the state that a worker's bots share; `sockets`: their sockets;
//!   `load_monitor`: the load of the thread itself.
//! - `controller`: collects the bots' counts, from threads or agents, until the end of the run; `setting`: the machine and the plan for
//!   the report.

mod context;
mod controller;
mod error;
mod load_monitor;
pub mod schedule;
mod setting;
mod sockets;
mod threads;
mod worker;

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{
    context::WorkerContext,
    controller::{BatchSource, COLLECT_PERIOD, RunController},
    schedule::BotSchedule,
    setting::{host_description, setting},
    threads::WorkerThreads,
    worker::{WorkerConfig, current_thread_runtime},
};
pub use self::{error::RunError, sockets::open_impaired};
use super::{
    game::GameRegistry,
    plan::{Plan, ServerTarget, TrustRoots},
    report::{Report, assemble::BotCounts, compare::Baseline},
};

/// Runs a plan in this process and returns the report with its verdict. Rules may compare with `baseline`, the report of an older run.
///
/// Blocks until the plan's end. Ctrl-C, SIGTERM, SIGHUP, the end of all bots, or (with `abort_on_fail`) a broken rule ends the run early;
/// the report then has the counts up to that time. A second signal later than half a second after the first exits the process at once.
///
/// # Errors
/// When the run cannot start, or a thread of the swarm panics. A server that does not answer, refuses the bots or dies is not an error.
///
/// # Panics
/// When called from async code of a tokio runtime.
pub fn run(plan: &Plan, games: &GameRegistry, baseline: Option<&Baseline>) -> Result<Report, RunError> {
    let mut targets = ServerTarget::resolve_all(plan, &TrustRoots::read(plan)?)?;
    let schedule = schedule::schedule(plan);
    let runtime = current_thread_runtime()?;
    runtime.block_on(ServerTarget::find_answering(&mut targets))?;
    let stop = CancellationToken::new();
    let config = WorkerConfig {
        plan: Arc::new(plan.clone()),
        games: games.clone(),
        targets: targets.into(),
        start: Instant::now(),
        stop: stop.clone(),
        process: 0,
        processes: 1,
    };
    let mut threads = WorkerThreads::start(&config, &schedule)?;
    let controller = RunController::new(plan, BotCounts::of(&schedule), config.start, stop, baseline);
    let measured = runtime.block_on(controller.run(&mut threads));
    let ended = measured.ended.clone();
    let setting = setting(plan, 1, measured.elapsed);
    let mut report = measured.with(threads.join()?).report(plan, setting);
    report.decide_verdict(plan, &ended, baseline);
    Ok(report)
}
