//! The `swarm` binary: the load tester with Quarrel's own games.

use std::process::ExitCode;

use quarrel_shared::{arena::Arena, crowd::Crowd};
use quarrel_swarm::GameEntry;

// A swarm makes small allocations for every packet, and this allocator is fast at those.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quarrel_swarm::main_with(vec![GameEntry::of::<Arena>(&[]), GameEntry::of::<Crowd>(&[])])
}
