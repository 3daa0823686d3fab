//! `sim joins`: the time to get a seat over a link with loss.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    joins::{joins, quantile},
};
use serde::Serialize;

/// The parameters of `sim joins`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Number of joins.
    #[arg(long, default_value_t = 1000)]
    count: u32,
    /// Share of lost packets, from 0 to 1.
    #[arg(long, default_value_t = 0.05)]
    loss: f64,
    /// Mean duration of a burst of losses, in milliseconds; 0 for independent losses.
    #[arg(long, default_value_t = 0.0)]
    burst_ms: f64,
    /// Round trip of the link, in milliseconds.
    #[arg(long, default_value_t = 90.0)]
    round_trip_ms: f64,
    /// Seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fail when the p99 time to a seat exceeds this, in milliseconds, or when a join fails.
    #[arg(long)]
    p99_ms: Option<u128>,
}

/// The printed JSON line.
#[derive(Debug, Serialize)]
struct JoinsReport {
    count: u32,
    loss: f64,
    burst_ms: f64,
    round_trip_ms: f64,
    seed: u64,
    /// The time to the end of the QUIC handshake.
    handshake: Quantiles,
    /// The time to the server's welcome.
    welcomed: Quantiles,
    /// The time to the seat, which the player waits for.
    seated: Quantiles,
    /// Joins that failed or timed out.
    failed: usize,
    trace: String,
}

/// The quantiles of a step's duration.
#[derive(Debug, Serialize)]
struct Quantiles {
    p50_ms: u128,
    p99_ms: u128,
    max_ms: u128,
}

/// Runs the measurement and prints its line.
pub(crate) fn run(arguments: &Arguments) {
    let &Arguments { count, loss, burst_ms, round_trip_ms, seed, p99_ms } = arguments;
    let times = joins(seed, count, Link::round_trip("joins", round_trip_ms).loss(loss, burst_ms));
    let report = JoinsReport {
        count,
        loss,
        burst_ms,
        round_trip_ms,
        seed,
        handshake: Quantiles::of(&times.handshake),
        welcomed: Quantiles::of(&times.welcomed),
        seated: Quantiles::of(&times.seated),
        failed: times.failed.len(),
        trace: format!("{:016x}", times.trace),
    };
    println!("{}", serde_json::to_string(&report).expect("a report must be JSON"));
    times.failed.iter().for_each(|error| eprintln!("join failed: {error}"));
    if let Some(max_p99_ms) = p99_ms {
        let failed = times.failed.len();
        assert!(failed == 0, "every join must succeed at a loss of {loss}, but {failed} of {count} failed");
        let took_ms = report.seated.p99_ms;
        assert!(
            took_ms <= max_p99_ms,
            "the p99 time to a seat at a loss of {loss} must be at most {max_p99_ms} ms, but is {took_ms} ms"
        );
    }
}

impl Quantiles {
    fn of(sorted: &[Duration]) -> Self {
        let ms = |share| quantile(sorted, share).as_millis();
        Self { p50_ms: ms(0.5), p99_ms: ms(0.99), max_ms: ms(1.0) }
    }
}
