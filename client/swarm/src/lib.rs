//! `swarm`: many bots on one server, and a verdict that people trust.
//!
//! Every bot is a whole client: it acknowledges, keeps a clock and repeats its inputs as a player's would. Bots that spare
//! themselves that work make a server look better, or worse, than it is. The model is open: what a bot meant to do counts from when
//! it meant to, whatever the server, or this machine, did meanwhile.
//!
//! The tour, in reading order:
//!
//! - [`program`]: the command line around any game; [`game`]: the games and brains that are handed to it.
//! - [`plan`]: what is asked for, from flags or a file; [`schedule`](mod@schedule): who comes when, as a list of orders.
//! - [`run`](mod@run): threads of bots and the conductor that hears what they count. `crew` is one thread, `bot` one player in it,
//!   `vitals` the clock that watches over the swarm itself.
//! - [`agent`]: swarms on other machines, which run as one with this.
//! - [`endpoint`]: the network path of a bot; [`hostile`]: bots that mean harm.
//! - [`measure`]: what is counted, from one input to all figures; [`server_metrics`], `server_delta` and `server_history`: what the server says of itself.
//! - `assemble`: counts become a [`report`]; [`slo`]: rules about its figures; [`compare`]: with an older one.
//! - [`capacity`]: how many players a server carries, from the reports of many runs.
//! - What is shown: `progress` meanwhile; then the summary, [`junit`], and [`page`] with plots.

mod exit;
pub mod game;
pub mod program;

pub mod plan;
pub mod schedule;

pub mod run;

mod bot;
mod crew;
mod vitals;

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
mod moment;
pub mod page;
mod progress;

#[cfg(test)]
mod schema_coverage;

pub use self::{
    game::{GameEntry, Games, NamedBrain},
    plan::{Plan, PlanError},
    program::{main, main_with},
    report::Report,
    run::{RunError, run},
};
