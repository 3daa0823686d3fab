//! The `swarm` program for scenarios that need a process of its own: with signals, outputs and an exit code.

use std::process::ExitCode;

use quarrel_shared::crowd::Crowd;
use quarrel_swarm::{GameEntry, main_with};

fn main() -> ExitCode {
    main_with(vec![GameEntry::of::<Crowd>(&[])])
}
