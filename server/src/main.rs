//! `quarrel`: the server with the games that ship with it.

use std::process::ExitCode;

use quarrel_server::{GameEntry, main_with};
use quarrel_shared::{arena::Arena, crowd::Crowd};

/// Uses 10-15 % less of the server's CPU than the system's allocator, with LTO.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    main_with(&[GameEntry::of::<Arena>(), GameEntry::of::<Crowd>()])
}
