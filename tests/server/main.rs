//! The `quarrel` program for scenarios that need a process of its own: with signals, a log and an environment.

use std::process::ExitCode;

use quarrel_harness::games::Throng;
use quarrel_server::{GameEntry, main_with};
use quarrel_shared::{arena::Arena, crowd::Crowd};

fn main() -> ExitCode {
    main_with(&[GameEntry::of::<Crowd>(), GameEntry::of::<Arena>(), GameEntry::of::<Throng>()])
}
