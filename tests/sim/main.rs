//! Measurements in the simulated network, each a subcommand that prints JSON lines. Run in release, by the scripts in `tests/bench`.

mod cost;
mod feel;
mod joins;
mod journal;
mod play;
mod soak;

use clap::{Parser, Subcommand};

/// Measures in a simulated network, where a seed is a test case.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// How long it takes to get a seat over a link with loss.
    Joins(joins::Arguments),
    /// Evenings on which a lot happens, held to the rules that no run may break.
    Play(play::Arguments),
    /// Half an hour of play, and whether anything grew in it.
    Soak(soak::Arguments),
    /// What play is like over each link.
    Feel(feel::Arguments),
    /// What simulating a room of players costs this machine.
    Cost(cost::Arguments),
    /// A journal of a room of Arena, for `quarrel replay` to be measured with.
    Journal(journal::Arguments),
}

fn main() {
    match Arguments::parse().measure {
        Measure::Joins(arguments) => joins::run(&arguments),
        Measure::Play(arguments) => play::run(&arguments),
        Measure::Soak(arguments) => soak::run(&arguments),
        Measure::Feel(arguments) => feel::run(&arguments),
        Measure::Cost(arguments) => cost::run(&arguments),
        Measure::Journal(arguments) => journal::run(&arguments),
    }
}
