//! `sim journal`: writes the journal of a room in which bots play on every seat, or in which nobody wants anything.

use std::{fs, path::PathBuf};

use quarrel_harness::journals;
use quarrel_shared::{
    arena::{Arena, Settings},
    game::Setup,
    tick::TickRate,
};

/// Which journal.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file.
    #[arg(long)]
    out: PathBuf,
    /// How many seats, all of them taken.
    #[arg(long, default_value_t = 16)]
    seats: u16,
    /// How long the room lasts, in seconds of play.
    #[arg(long, default_value_t = 3600)]
    seconds: u32,
    /// Nobody wants anything.
    #[arg(long)]
    idle: bool,
    /// Every how many ticks a tick carries a checksum; 0: none does.
    #[arg(long, default_value_t = 30)]
    checksum_ticks: u32,
    /// Everything follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Writes it.
pub(crate) fn run(arguments: &Arguments) {
    let Arguments { seats, seconds, seed, .. } = *arguments;
    let rate = TickRate::DEFAULT;
    let setup = Setup { settings: Settings::default(), seed, seats, tick_rate: rate };
    let brains = if arguments.idle {
        (0..seats).map(|_| None).collect()
    } else {
        journals::brains::<Arena>(seats, seed)
    };
    let ticks = seconds * u32::from(rate.hz());
    let bytes = journals::recorded(setup, brains, ticks, arguments.checksum_ticks);
    fs::write(&arguments.out, bytes).expect("a file that can be written");
}
