//! Whoever comes over a bad link gets a seat.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    joins::{joins, quantile},
};

/// Ten of them decide the p99; 10,000 come in `tests/bench/joins.sh`.
const NEWCOMERS: u32 = 1000;

/// What is promised of a seat, which is what a player waits for. A handshake is a part of it.
struct Promise {
    loss: f64,
    p99_ms: u64,
}

impl Promise {
    fn is_kept(&self) {
        let joins = joins(5, NEWCOMERS, Link::round_trip("joins", 90.0).loss(self.loss, 0.0));
        assert!(joins.failed.is_empty(), "nobody hangs at {} loss: {:?}", self.loss, joins.failed);
        let most = Duration::from_millis(self.p99_ms);
        for (what, sorted) in [("handshake", joins.handshake), ("seat", joins.seated)] {
            let p99 = quantile(&sorted, 0.99);
            assert!(p99 <= most, "a {what} at {} loss takes {p99:?} at p99, not {most:?}", self.loss);
        }
    }
}

#[test]
fn nobody_waits_long_at_5_percent_loss() {
    Promise { loss: 0.05, p99_ms: 550 }.is_kept();
}

#[test]
fn nobody_waits_for_ever_at_20_percent_loss() {
    Promise { loss: 0.2, p99_ms: 1700 }.is_kept();
}
