//! `sim soak`: samples of memory and metrics during a long undisturbed run.

use quarrel_harness::sim::{
    Link,
    soak::{COUNTERS, GAUGES, soak},
};

/// The parameters of `sim soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Name of the players' link.
    #[arg(long, default_value = "wifi")]
    link: String,
    /// Number of players in the room.
    #[arg(long, default_value_t = 12)]
    players: u32,
    /// Duration of play, in simulated minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Plays, and prints a JSON line for every five simulated minutes.
pub(crate) fn run(arguments: &Arguments) {
    let link = Link::named(&arguments.link);
    for sample in soak(arguments.seed, &link, arguments.players, arguments.minutes) {
        let mut line = serde_json::json!({ "minute": sample.minute, "memory_kib": sample.memory_kib });
        for (name, value) in GAUGES.into_iter().zip(sample.gauges) {
            line[name] = value.into();
        }
        for (name, value) in COUNTERS.into_iter().zip(sample.increases) {
            line[name] = value.into();
        }
        println!("{line}");
    }
}
