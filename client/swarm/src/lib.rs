//! `swarm`, the load tester: many bots on one server, and a verdict.
//!
//! Every bot is a whole client: it acknowledges, keeps a clock and repeats its inputs as a player's client does. Lighter bots would make a
//! server look better, or worse, than it is. The load model is open: each action counts from the time at which it was due, however late
//! the server, or this machine, made it.
//!
//! The tour, in reading order:
//!
//! - [`program`]: the command line for any game; [`game`]: the registry of games and brains; `console`: the program's output.
//! - [`plan`]: the plan of a run, from flags or a file; [`schedule`](mod@schedule): when each bot joins and leaves.
//! - [`run`](mod@run): a run in this process. `worker` is one thread of bots, `worker_threads` all of them, `context` the facts that
//!   a worker's bots share, `sockets` their sockets, `self_load` the thread's own load. `run_controller` collects their counts by way of
//!   `batch_source`.
//! - `bot`: one bot, which plays or attacks; [`hostile`]: the attacks; [`endpoint`]: sockets on modelled links.
//! - [`agent`]: runs on several machines.
//! - [`measure`]: the counts, from one input to a whole run; [`server_metrics`], `server_delta` and `server_history`: the server's own figures.
//! - `assemble`: from counts to a [`report`]; [`slo`]: rules about its figures; `verdict`; [`compare`]: with an older report.
//! - [`capacity`]: how many players a server carries, from the reports of many runs.
//! - Output: `progress` during a run; the report's summary, [`junit`], and [`page`] with plots.

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
    game::{GameEntry, Games, NamedBrain},
    plan::{Plan, PlanError},
    program::{main, main_with},
    report::Report,
    run::{RunError, run},
};
