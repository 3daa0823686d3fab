//! The `swarm` binary: which verb, which game, and the rest is the library's.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use quarrel_client::swarm::{self, RunArguments};
use quarrel_shared::{arena::Arena, crowd::Crowd};

// A swarm allocates a little for every packet, and this allocator is quick at it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Load tester of Quarrel servers: bots that play.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Sends bots into a server and reports how it went for them.
    Run(Box<Run>),
}

#[derive(Args)]
struct Run {
    /// The game that the server runs.
    #[arg(long, value_enum, default_value = "arena")]
    game: GameName,
    #[command(flatten)]
    arguments: RunArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum GameName {
    Arena,
    Crowd,
}

fn main() -> ExitCode {
    let Verb::Run(run) = Cli::parse().verb;
    match run.game {
        GameName::Arena => swarm::execute::<Arena>(&run.arguments),
        GameName::Crowd => swarm::execute::<Crowd>(&run.arguments),
    }
}
