//! Half an hour of play that nothing happens in: whatever grows in it grows for ever.

use std::{fs, time::Duration};

use quarrel_shared::arena::Arena;
use tokio::time::sleep;

use super::{Link, SimWorld, bot, world::LONG_PLAY};

/// How a process stood at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// In simulated minutes.
    pub minute: u64,
    /// Memory of the process, in KiB.
    pub memory_kib: u64,
    /// Sessions, players on seats, rooms and held seats, as the server counts them.
    pub gauges: [f64; 4],
    /// What the room did since the sample before: as [`COUNTERS`] say.
    pub done: [f64; 4],
}

/// What [`Sample::gauges`] are.
pub const GAUGES: [&str; 4] = ["quarrel_sessions", "quarrel_players", "quarrel_rooms", "quarrel_seats_held"];

/// What [`Sample::done`] counts.
pub const COUNTERS: [&str; 4] = [
    "quarrel_inputs_total{fate=\"used\"}",
    "quarrel_bytes_total{direction=\"sent\"}",
    "quarrel_slips_total",
    "quarrel_room_panics_total",
];

/// Plays for so many simulated minutes over a link, and looks every five of them.
///
/// # Panics
/// When a player loses their seat.
#[must_use]
pub fn soak(seed: u64, link: &Link, players: u32, minutes: u64) -> Vec<Sample> {
    SimWorld::<Arena>::run(seed, &[("room.bots", "4"), LONG_PLAY], async |world| {
        let lasts = Duration::from_secs((minutes + 1) * 60);
        let play = |player: u32| {
            let name = format!("player-{player}");
            tokio::spawn(bot::play::<Arena>(world.connector(link), name, u64::from(player), lasts))
        };
        let tasks: Vec<_> = (0..players).map(play).collect();
        let mut samples = Vec::new();
        let mut before = [0.0; COUNTERS.len()];
        for minute in (EVERY..=minutes).step_by(EVERY as usize) {
            sleep(Duration::from_secs(EVERY * 60)).await;
            let gauges = GAUGES.map(|name| world.metric(name));
            let counters = COUNTERS.map(|name| world.metric(name));
            let done = std::array::from_fn(|at| counters[at] - before[at]);
            before = counters;
            samples.push(Sample { minute, memory_kib: memory_kib(), gauges, done });
        }
        for task in tasks {
            let played = task.await.expect("a player that does not panic").expect("a connection");
            assert_eq!(played.ending, quarrel_client::Ending::Left, "nobody loses their seat");
        }
        samples
    })
}

/// In simulated minutes.
const EVERY: u64 = 5;

/// What of this process is in memory.
fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
