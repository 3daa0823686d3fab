//! Whoever comes over a bad link gets a seat, soon.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    joins::{joins, quantile},
};

/// Three of a hundred decide the p99; 10,000 come in `tests/bench/sim.sh`.
const NEWCOMERS: u32 = 300;

fn everybody_sits_within(p99_ms: u64, loss: f64) {
    let joins = joins(5, NEWCOMERS, Link::round_trip("joins", 90.0).loss(loss, 0.0));
    assert!(joins.hung.is_empty(), "nobody hangs at {loss} loss: {:?}", joins.hung);
    let p99 = quantile(&joins.seated, 0.99);
    assert!(p99 <= Duration::from_millis(p99_ms), "p99 at {loss} loss: {p99:?}, not {p99_ms} ms");
}

#[test]
fn at_5_percent_loss_joins_take_550_ms_at_p99() {
    everybody_sits_within(550, 0.05);
}

#[test]
fn at_20_percent_loss_joins_take_1700_ms_at_p99() {
    everybody_sits_within(1700, 0.2);
}
