//! A long run of undisturbed play, sampled to find anything that grows without bound.

use std::{fs, time::Duration};

use quarrel_shared::arena::Arena;
use tokio::time::sleep;

use super::{Link, SimWorld, bot, world::LONG_PLAY};
use crate::server::INPUTS_USED;

/// A sample of the process and the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The time of the sample, in simulated minutes.
    pub minute: u64,
    /// Resident memory of the process, in KiB.
    pub memory_kib: u64,
    /// The values of [`GAUGES`].
    pub gauges: [f64; 4],
    /// The increases of [`COUNTERS`] since the previous sample.
    pub increases: [f64; 4],
}

/// The metrics of [`Sample::gauges`]: sessions, players on seats, rooms and held seats.
pub const GAUGES: [&str; 4] = ["quarrel_sessions", "quarrel_players", "quarrel_rooms", "quarrel_seats_held"];

/// The metrics of [`Sample::increases`].
pub const COUNTERS: [&str; 4] = [
    INPUTS_USED,
    "quarrel_bytes_total{direction=\"sent\"}",
    "quarrel_slips_total",
    "quarrel_room_panics_total",
];

/// Plays for `minutes` simulated minutes over a link, and takes a sample every five minutes.
///
/// # Panics
/// When a player loses its seat.
#[must_use]
pub fn soak(seed: u64, link: &Link, players: u32, minutes: u64) -> Vec<Sample> {
    SimWorld::<Arena>::run(seed, &[("room.bots", "4"), LONG_PLAY], async |world| {
        let duration = Duration::from_secs((minutes + 1) * 60);
        let play = |player: u32| {
            let name = format!("player-{player}");
            tokio::spawn(bot::play::<Arena>(world.connector(link), name, u64::from(player), duration))
        };
        let tasks: Vec<_> = (0..players).map(play).collect();
        let mut samples = Vec::new();
        let mut before = [0.0; COUNTERS.len()];
        for minute in (PERIOD_MINUTES..=minutes).step_by(PERIOD_MINUTES as usize) {
            sleep(Duration::from_secs(PERIOD_MINUTES * 60)).await;
            let gauges = GAUGES.map(|name| world.metric(name));
            let counters = COUNTERS.map(|name| world.metric(name));
            let increases = std::array::from_fn(|at| counters[at] - before[at]);
            before = counters;
            samples.push(Sample { minute, memory_kib: memory_kib(), gauges, increases });
        }
        for task in tasks {
            let summary = task.await.expect("a player must not panic").expect("a connection");
            assert_eq!(summary.ending, quarrel_client::Ending::Left, "no player may lose its seat");
        }
        samples
    })
}

/// The simulated time between two samples.
const PERIOD_MINUTES: u64 = 5;

/// The resident memory of this process.
fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
