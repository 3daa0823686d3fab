//! `sim cost`: the CPU time of simulating a room of players, and the hours of play that a test run can afford.

use std::{
    fs,
    time::{Duration, Instant},
};

use quarrel_harness::sim::{Link, SimWorld, bot, world::LONG_PLAY};
use quarrel_shared::arena::Arena;
use serde::Serialize;

/// The parameters of `sim cost`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Number of players, in rooms of 16.
    #[arg(long, default_value_t = 16)]
    players: u32,
    /// Duration of play, in simulated seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Name of the players' link.
    #[arg(long, default_value = "wifi")]
    link: String,
    /// Seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The printed JSON line.
#[derive(Debug, Serialize)]
struct CostReport {
    players: u32,
    seconds: u32,
    link: String,
    seed: u64,
    cpu_s: f64,
    wall_s: f64,
    /// CPU time per simulated second of one player.
    cpu_us_per_player_s: f64,
    /// The player-hours that two cores simulate in three minutes.
    player_hours_in_3_min_on_2_cores: f64,
    packets: u64,
    views_per_player_s: f64,
    trace: String,
}

/// Runs the measurement and prints its line.
pub(crate) fn run(arguments: &Arguments) {
    let (link, players) = (Link::named(&arguments.link), arguments.players);
    let (cpu, wall) = (cpu_time(), Instant::now());
    let (views, trace) =
        SimWorld::<Arena>::run(arguments.seed, &[("room.bots", "0"), LONG_PLAY], async |world| {
            let duration = Duration::from_secs(u64::from(arguments.seconds));
            let play = |player: u32| {
                let name = format!("player-{player}");
                tokio::spawn(bot::play::<Arena>(world.connector(&link), name, u64::from(player), duration))
            };
            let tasks: Vec<_> = (0..players).map(play).collect();
            let mut views = 0;
            for task in tasks {
                // On the worst links some players cannot connect; `sim joins` measures that.
                views += task.await.expect("a player must not panic").map_or(0, |summary| summary.views);
            }
            (views, world.trace())
        });
    let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
    let player_seconds = f64::from(players * arguments.seconds);
    let cpu_s_per_player_s = cpu.as_secs_f64() / player_seconds;
    let report = CostReport {
        players,
        seconds: arguments.seconds,
        link: link.name.to_owned(),
        seed: arguments.seed,
        cpu_s: cpu.as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        cpu_us_per_player_s: cpu_s_per_player_s * 1e6,
        player_hours_in_3_min_on_2_cores: 360.0 / cpu_s_per_player_s / 3600.0,
        packets: trace.packets(),
        views_per_player_s: views as f64 / player_seconds,
        trace: format!("{:016x}", trace.hash()),
    };
    println!("{}", serde_json::to_string(&report).expect("a report must be JSON"));
}

/// The CPU time of this thread, which the kernel counts in nanoseconds.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}
