//! Measurements in the simulated network: each subcommand prints JSON lines. The scripts in `tests/bench` run it in release builds.

mod cost;
mod feel;
mod joins;
mod journal;
mod play;
mod soak;
mod tick;

use clap::{Parser, Subcommand};

/// Measure play in a simulated network; the same seed gives the same run.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// Measure the time to get a seat over a link with loss.
    Joins(joins::Arguments),
    /// Play with random disruptions and check the invariants at every tick.
    Play(play::Arguments),
    /// Sample memory and metrics during a long undisturbed run.
    Soak(soak::Arguments),
    /// Measure the quality of play over each link.
    Feel(feel::Arguments),
    /// Measure the CPU time of simulating a room of players.
    Cost(cost::Arguments),
    /// Measure the parts of a tick in large rooms: views, bots and joins.
    Tick(tick::Arguments),
    /// Write a journal of a room of Arena, to measure `quarrel replay` with.
    Journal(journal::Arguments),
}

fn main() {
    match Arguments::parse().measure {
        Measure::Joins(arguments) => joins::run(&arguments),
        Measure::Play(arguments) => play::run(&arguments),
        Measure::Soak(arguments) => soak::run(&arguments),
        Measure::Feel(arguments) => feel::run(&arguments),
        Measure::Cost(arguments) => cost::run(&arguments),
        Measure::Tick(arguments) => tick::run(&arguments),
        Measure::Journal(arguments) => journal::run(&arguments),
    }
}
