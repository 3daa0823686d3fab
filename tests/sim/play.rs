//! `sim play`: evenings in the simulated network, each from a seed of its own, held to the named rules at every tick.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use quarrel_harness::sim::chaos::{Evening, Told, play};
use serde::Serialize;

/// What is played.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds from there.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Players in the room, at most 15.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=15))]
    players: u32,
    /// How long each evening lasts, in simulated seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How many evenings are played at once.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Fails when fewer player-hours than this were played.
    #[arg(long, default_value_t = 0.0)]
    hours: f64,
    /// Nothing happens but what the links do.
    #[arg(long)]
    quiet: bool,
}

/// The line that is printed.
#[derive(Debug, Serialize)]
struct Report {
    seeds: u64,
    player_hours: f64,
    wall_s: f64,
    views_checked: u64,
    views_unchecked: u64,
    facts_checked: u64,
    seats: u64,
    resumes: u64,
    moves: u64,
    tunnels: u64,
    refused: u64,
    matches: u64,
    events_lost: u64,
    events_doubled: u64,
    snapshots_undecodable: u64,
    /// Of all runs; equal seeds give equal traces.
    trace: String,
}

/// Plays and prints. A broken rule panics, and says how to repeat it.
pub(crate) fn run(arguments: &Arguments) {
    let begin = Instant::now();
    let next = AtomicU64::new(arguments.seed);
    let end = arguments.seed + arguments.seeds;
    let work = || {
        let mut told = Told::default();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= end {
                return told;
            }
            let one = one(arguments, seed);
            told.add(&one);
            // However the seeds fall to the threads.
            told.trace ^= one.trace;
        }
    };
    let mut told = Told::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let some = thread.join().unwrap_or_else(|broken| std::panic::resume_unwind(broken));
            told.add(&some);
            told.trace ^= some.trace;
        }
    });
    let report = Report::new(arguments.seeds, &told, begin.elapsed());
    println!("{}", serde_json::to_string(&report).expect("a report of numbers"));
    let (played, wanted) = (report.player_hours, arguments.hours);
    assert!(played >= wanted, "{played} player-hours were played, and {wanted} are wanted: raise --seeds");
}

fn one(arguments: &Arguments, seed: u64) -> Told {
    let &Arguments { players, seconds, quiet, .. } = arguments;
    let flag = if quiet { " --quiet" } else { "" };
    let repeat = format!(
        "cargo run --release -p quarrel-tests --bin sim -- play --seed {seed} --players {players} --seconds {seconds}{flag}"
    );
    let lasts = Duration::from_secs(seconds);
    play(Evening { seed, players, lasts, eventful: !quiet }, &repeat)
}

impl Report {
    fn new(seeds: u64, told: &Told, wall: Duration) -> Self {
        Self {
            seeds,
            player_hours: told.played.as_secs_f64() / 3600.0,
            wall_s: wall.as_secs_f64(),
            views_checked: told.checks.views,
            views_unchecked: told.checks.unchecked,
            facts_checked: told.checks.facts,
            seats: told.seats,
            resumes: told.resumes,
            moves: told.moves,
            tunnels: told.tunnels,
            refused: told.refused,
            matches: told.matches,
            events_lost: told.counts.events_lost,
            events_doubled: told.counts.events_doubled,
            snapshots_undecodable: told.counts.snapshots.undecodable,
            trace: format!("{:016x}", told.trace),
        }
    }
}
