//! `swarm`, the load tester: many bots on one server, and a verdict.
//!
//! Every bot is a complete client, because lighter bots would make a server look better, or worse, than it is. The load model is open,
//! because latency that counts from a delayed send hides the stall that delayed it.
//!
//! # Tour of the code
//!
//! In reading order:
//!
//! - [`program`]: the command line for any game; [`game`]: the registry of games and brains; `console` and `progress`: status lines;
//!   `output`: the destinations of reports; `signals` and `exit`: the end of the program.
//! - [`plan`]: the plan of a run, from flags or a file.
//! - [`run`](mod@run): a run in this process, on the threads of its workers.
//! - `bot`: one bot, which plays or attacks; [`hostile`]: the attacks.
//! - [`agent`]: runs on several machines.
//! - [`measure`]: the counts, from one input to a whole run; [`server_figures`]: the server's own figures.
//! - [`report`]: the result of a run, built from the counts, with its verdict; also as a text summary, JUnit XML and a page with plots.
//! - [`slo`]: rules about the report's figures.
//! - [`capacity`]: the number of players that a server carries, found by many runs.
//!
//! The rest of this page is the guide for load testers.
//!
#![doc = include_str!("../README.md")]

mod console;
mod exit;
pub mod game;
mod output;
pub mod program;
mod progress;
mod signals;

pub mod plan;
pub mod run;

mod bot;
pub mod hostile;

pub mod agent;

pub mod measure;
pub mod server_figures;

pub mod report;
pub mod slo;

pub mod capacity;

pub use self::{
    game::{GameEntry, GameRegistry, NamedBrain},
    plan::{Plan, PlanError},
    program::{main, main_with},
    report::Report,
    run::{RunError, run},
};
