//! `swarm`: many bots on one server, and a report of how it went for them.
//!
//! Every bot is a whole client: it acknowledges, keeps a clock and repeats its inputs as a player's would. Bots that spare
//! themselves that work make a server look better, or worse, than it is.
//!
//! - [`plan`]: what is asked for, from the command line; `duration` reads `20s`.
//! - [`run`](mod@run): threads, ramp, the end. `bot` is one player in it.
//! - [`link`]: what the network path of a bot is like.
//! - [`hostile`]: bots that do harm, beside those that play.
//! - [`stats`]: what was counted, merged; [`report`]: what is said of it.
//! - `progress`: the line that moves meanwhile; [`server_metrics`]: what the server says of itself.

pub mod plan;

mod duration;

pub mod run;

mod bot;
pub mod hostile;
pub mod link;
mod progress;
pub mod server_metrics;

pub mod report;
pub mod stats;

use std::{fs, io, process::ExitCode};

use quarrel_shared::game::Predict;

pub use self::{
    plan::{Plan, PlanError, RunArguments},
    report::Report,
    run::{RunError, run},
};

/// The exit code of a run that could not be made or in which nobody played to the end.
const FAILED: u8 = 1;

/// The exit code of arguments that make no plan.
const USAGE: u8 = 2;

/// What `swarm run` does: plan, run, say how it went. The exit code tells scripts whether anybody played.
#[must_use]
pub fn execute<G: Predict>(arguments: &RunArguments) -> ExitCode {
    let plan = match arguments.plan::<G>() {
        Ok(plan) => plan,
        Err(error) => return fail(USAGE, &error),
    };
    if plan.trusts_anybody() {
        eprintln!("{} is on this machine: any certificate is accepted", plan.connect.server);
    }
    let report = match run::<G>(&plan) {
        Ok(report) => report,
        Err(error) => return fail(FAILED, &error),
    };
    println!("{report}");
    if let Some(path) = &arguments.report
        && let Err(error) = write(&report, path)
    {
        return fail(FAILED, &format!("the report cannot be written to {}: {error}", path.display()));
    }
    if report.joined == report.disconnected {
        return fail(FAILED, &report.trouble.as_deref().unwrap_or("nobody played to the end"));
    }
    ExitCode::SUCCESS
}

fn write(report: &Report, path: &std::path::Path) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(report)?;
    json.push(b'\n');
    fs::write(path, json)
}

fn fail(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(code)
}
