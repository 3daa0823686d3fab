//! `sim play`: runs with random disruptions, one for each seed, with the invariants checked at every tick.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use quarrel_harness::sim::chaos::{self, ChaosConfig, ChaosReport};
use serde::Serialize;

/// The parameters of `sim play`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of seeds, one run for each.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Number of players in the room, at most 15.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=15))]
    players: u32,
    /// Duration of each run, in simulated seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Number of runs at the same time.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Fail when the runs have fewer player-hours than this.
    #[arg(long, default_value_t = 0.0)]
    hours: f64,
    /// Disable the random disruptions; only the links' own delay and loss remain.
    #[arg(long)]
    quiet: bool,
}

/// The printed JSON line.
#[derive(Debug, Serialize)]
struct PlayReport {
    seeds: u64,
    player_hours: f64,
    wall_s: f64,
    views_checked: u64,
    views_unchecked: u64,
    events_checked: u64,
    seats: u64,
    resumes: u64,
    rebinds: u64,
    blackouts: u64,
    refused: u64,
    matches: u64,
    events_lost: u64,
    events_doubled: u64,
    snapshots_undecodable: u64,
    /// The combined trace hash of all runs; equal seeds give equal hashes.
    trace: String,
}

/// Runs all seeds and prints the totals. A violated invariant panics with the command that repeats the run.
pub(crate) fn run(arguments: &Arguments) {
    let start = Instant::now();
    let next = AtomicU64::new(arguments.seed);
    let end = arguments.seed + arguments.seeds;
    let work = || {
        let mut totals = ChaosReport::default();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= end {
                return totals;
            }
            let report = run_seed(arguments, seed);
            totals.add(&report);
            // XOR, because the seeds' order over the threads is not fixed.
            totals.trace ^= report.trace;
        }
    };
    let mut totals = ChaosReport::default();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let report = thread.join().unwrap_or_else(|error| std::panic::resume_unwind(error));
            totals.add(&report);
            totals.trace ^= report.trace;
        }
    });
    let report = PlayReport::new(arguments.seeds, &totals, start.elapsed());
    println!("{}", serde_json::to_string(&report).expect("a report must be JSON"));
    let (played, required) = (report.player_hours, arguments.hours);
    assert!(played >= required, "the runs must have {required} player-hours and had {played}: raise --seeds");
}

fn run_seed(arguments: &Arguments, seed: u64) -> ChaosReport {
    let &Arguments { players, seconds, quiet, .. } = arguments;
    let flag = if quiet { " --quiet" } else { "" };
    let repeat = format!(
        "cargo run --release -p quarrel-tests --bin sim -- play --seed {seed} --players {players} --seconds {seconds}{flag}"
    );
    let duration = Duration::from_secs(seconds);
    chaos::run(ChaosConfig { seed, players, duration, disrupt: !quiet }, &repeat)
}

impl PlayReport {
    fn new(seeds: u64, totals: &ChaosReport, wall: Duration) -> Self {
        Self {
            seeds,
            player_hours: totals.played.as_secs_f64() / 3600.0,
            wall_s: wall.as_secs_f64(),
            views_checked: totals.checks.views,
            views_unchecked: totals.checks.unchecked,
            events_checked: totals.checks.events,
            seats: totals.seats,
            resumes: totals.resumes,
            rebinds: totals.rebinds,
            blackouts: totals.blackouts,
            refused: totals.refused,
            matches: totals.matches,
            events_lost: totals.counts.events_lost,
            events_doubled: totals.counts.events_doubled,
            snapshots_undecodable: totals.counts.snapshots.undecodable,
            trace: format!("{:016x}", totals.trace),
        }
    }
}
