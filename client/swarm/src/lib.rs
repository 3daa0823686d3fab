//! `swarm`, the load tester: many bots on one server, and a verdict.
//!
//! Every bot is a complete client: it acknowledges snapshots, keeps a clock and repeats its inputs as a player's client does. Lighter bots
//! would make a server look better, or worse, than it is. The load model is open: inputs are scheduled independently of the server, and
//! latency counts from the scheduled time, so that a stall of the server or of this machine shows at its full length.
//!
//! The tour, in reading order:
//!
//! - [`program`]: the command line for any game; [`game`]: the registry of games and brains; `console`: the program's output.
//! - [`plan`]: the plan of a run, from flags or a file; [`schedule`](mod@schedule): the times at which each bot joins and leaves.
//! - [`run`](mod@run): a run in this process. `worker` is one thread of bots, `worker_threads` all threads, `context` the state that
//!   a worker's bots share, `sockets` their sockets, `self_load` the load of the thread itself. `run_controller` collects the bots' counts
//!   through `batch_source`.
//! - `bot`: one bot, which plays or attacks; [`hostile`]: the attacks; [`endpoint`]: sockets on simulated network paths (links).
//! - [`agent`]: runs on several machines.
//! - [`measure`]: the counts, from one input to a whole run; [`server_metrics`], `server_delta` and `server_history`: the server's own
//!   figures.
//! - `assemble`: builds the [`report`] from the counts; [`slo`]: rules about the report's figures; `verdict`: pass or fail; [`compare`]:
//!   the differences to an older report.
//! - [`capacity`]: the number of players that a server carries, found by many runs.
//! - Output: `progress` during a run; the report's text summary, [`junit`] XML, and a [`page`] with plots.

mod console;
mod exit;
pub mod game;
mod interrupt;
pub mod program;

pub mod plan;
pub mod schedule;

pub mod run;

mod batch_source;
mod bot;
mod context;
mod run_controller;
mod run_error;
mod self_load;
mod sockets;
mod worker;
mod worker_threads;

pub mod agent;

pub mod endpoint;
pub mod hostile;

pub mod measure;
mod server_delta;
mod server_history;
pub mod server_metrics;

pub mod capacity;

mod assemble;
pub mod compare;
pub mod report;
pub mod slo;
mod verdict;

pub mod junit;
pub mod page;
mod progress;
mod timestamp;

#[cfg(test)]
mod schema_coverage;

pub use self::{
    game::{GameEntry, GameRegistry, NamedBrain},
    plan::{Plan, PlanError},
    program::{main, main_with},
    report::Report,
    run::{RunError, run},
};
