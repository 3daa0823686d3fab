//! `sim soak`: half an hour of play, and whether anything grew in it.

use quarrel_harness::sim::{
    Link,
    soak::{COUNTERS, GAUGES, soak},
};

/// What is played.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Over which link.
    #[arg(long, default_value = "wifi")]
    link: String,
    /// How many players in the room.
    #[arg(long, default_value_t = 12)]
    players: u32,
    /// For how long, in simulated minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Everything follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Plays, and prints a JSON line for every five minutes.
pub(crate) fn run(arguments: &Arguments) {
    let link = Link::named(&arguments.link);
    for sample in soak(arguments.seed, &link, arguments.players, arguments.minutes) {
        let mut line = serde_json::json!({ "minute": sample.minute, "memory_kib": sample.memory_kib });
        for (name, value) in GAUGES.into_iter().zip(sample.gauges) {
            line[name] = value.into();
        }
        for (name, value) in COUNTERS.into_iter().zip(sample.done) {
            line[name] = value.into();
        }
        println!("{line}");
    }
}
