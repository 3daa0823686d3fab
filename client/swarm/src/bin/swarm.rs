//! The `swarm` binary: which games it plays. The rest is the library's.

use std::process::ExitCode;

use quarrel_shared::{arena::Arena, crowd::Crowd};
use quarrel_swarm::GameEntry;

// A swarm allocates a little for every packet, and this allocator is quick at it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quarrel_swarm::main_with(vec![GameEntry::of::<Arena>(&[]), GameEntry::of::<Crowd>(&[])])
}
