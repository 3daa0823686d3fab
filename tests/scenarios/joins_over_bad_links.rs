//! Whoever comes over a bad link gets a seat.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    joins::{joins, quantile},
};

/// Three of a hundred decide the p99; 10,000 come in `tests/bench/sim.sh`.
const NEWCOMERS: u32 = 300;

/// What is promised of QUIC's handshake, and what a seat takes today. A seat is two more round trips, each of which a lost packet can
/// cost a probe's time.
struct Promise {
    loss: f64,
    shaken_p99_ms: u64,
    seated_p99_ms: u64,
}

impl Promise {
    fn is_kept(&self) {
        let joins = joins(5, NEWCOMERS, Link::round_trip("joins", 90.0).loss(self.loss, 0.0));
        assert!(joins.hung.is_empty(), "nobody hangs at {} loss: {:?}", self.loss, joins.hung);
        for (what, sorted, most_ms) in
            [("handshake", joins.shaken, self.shaken_p99_ms), ("seat", joins.seated, self.seated_p99_ms)]
        {
            let p99 = quantile(&sorted, 0.99);
            let most = Duration::from_millis(most_ms);
            assert!(p99 <= most, "a {what} at {} loss takes {p99:?} at p99, not {most:?}", self.loss);
        }
    }
}

#[test]
fn nobody_waits_long_at_5_percent_loss() {
    Promise { loss: 0.05, shaken_p99_ms: 550, seated_p99_ms: 2400 }.is_kept();
}

#[test]
fn nobody_waits_for_ever_at_20_percent_loss() {
    Promise { loss: 0.2, shaken_p99_ms: 1700, seated_p99_ms: 7000 }.is_kept();
}
