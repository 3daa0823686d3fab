//! `sim journal`: writes the journal of a room with a bot, or an idle player, on every seat.

use std::{fs, path::PathBuf};

use quarrel_harness::journals;
use quarrel_shared::{
    arena::{Arena, Settings},
    game::Setup,
    tick::TickRate,
};

/// The parameters of `sim journal`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Path of the journal file to write.
    #[arg(long)]
    out: PathBuf,
    /// Number of seats, all of them taken.
    #[arg(long, default_value_t = 16)]
    seats: u16,
    /// Duration of play, in simulated seconds.
    #[arg(long, default_value_t = 3600)]
    seconds: u32,
    /// Put idle players on the seats instead of bots.
    #[arg(long)]
    idle: bool,
    /// Period of checksums, in ticks; 0 for no checksums.
    #[arg(long, default_value_t = 30)]
    checksum_ticks: u32,
    /// Seed of the room.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Writes the journal.
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
    let bytes = journals::record_journal(setup, brains, ticks, arguments.checksum_ticks);
    fs::write(&arguments.out, bytes).expect("the journal file must be writable");
}
