//! `sim joins`: how long it takes to get a seat over a link with loss.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    joins::{joins, quantile},
};
use serde::Serialize;

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many newcomers.
    #[arg(long, default_value_t = 1000)]
    count: u32,
    /// The share of packets that get lost, as in 0.05.
    #[arg(long, default_value_t = 0.05)]
    loss: f64,
    /// How long a burst of losses lasts on average; 0: each packet is lost by itself.
    #[arg(long, default_value_t = 0.0)]
    burst_ms: f64,
    /// The round trip.
    #[arg(long, default_value_t = 90.0)]
    round_trip_ms: f64,
    /// Everything follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fails when one in a hundred waits longer for a seat, in milliseconds, or anybody for ever.
    #[arg(long)]
    p99_ms: Option<u128>,
}

/// The line that is printed.
#[derive(Debug, Serialize)]
struct Report {
    count: u32,
    loss: f64,
    burst_ms: f64,
    round_trip_ms: f64,
    seed: u64,
    /// QUIC's handshake.
    shaken: Quantiles,
    /// The same and the server's welcome.
    welcomed: Quantiles,
    /// The same and the seat: what a player waits for.
    seated: Quantiles,
    hung: usize,
    trace: String,
}

/// How long a step took.
#[derive(Debug, Serialize)]
struct Quantiles {
    p50_ms: u128,
    p99_ms: u128,
    max_ms: u128,
}

/// Measures and prints.
pub(crate) fn run(arguments: &Arguments) {
    let &Arguments { count, loss, burst_ms, round_trip_ms, seed, p99_ms } = arguments;
    let joins = joins(seed, count, Link::round_trip("joins", round_trip_ms).loss(loss, burst_ms));
    let report = Report {
        count,
        loss,
        burst_ms,
        round_trip_ms,
        seed,
        shaken: Quantiles::of(&joins.shaken),
        welcomed: Quantiles::of(&joins.welcomed),
        seated: Quantiles::of(&joins.seated),
        hung: joins.hung.len(),
        trace: format!("{:016x}", joins.trace),
    };
    println!("{}", serde_json::to_string(&report).expect("a report of numbers"));
    joins.hung.iter().for_each(|told| eprintln!("hung: {told}"));
    if let Some(promised) = p99_ms {
        assert!(joins.hung.is_empty(), "{} of {count} hung at a loss of {loss}", joins.hung.len());
        let took = report.seated.p99_ms;
        assert!(took <= promised, "one in a hundred waits {took} ms at a loss of {loss}, not {promised}");
    }
}

impl Quantiles {
    fn of(sorted: &[Duration]) -> Self {
        let ms = |share| quantile(sorted, share).as_millis();
        Self { p50_ms: ms(0.5), p99_ms: ms(0.99), max_ms: ms(1.0) }
    }
}
