//! Joins over lossy links complete within a bounded time.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    joins::{joins, quantile},
};

/// Ten of them decide the p99; `tests/bench/joins.sh` runs 10,000.
const JOINS: u32 = 1000;

/// The promised time to a seat, which is the player's wait. The handshake is part of it.
struct JoinBounds {
    loss: f64,
    p99_ms: u64,
}

impl JoinBounds {
    fn assert_kept(&self) {
        let joins = joins(5, JOINS, Link::round_trip("joins", 90.0).loss(self.loss, 0.0));
        assert!(joins.failed.is_empty(), "no join may hang at {} loss: {:?}", self.loss, joins.failed);
        let max = Duration::from_millis(self.p99_ms);
        for (what, sorted) in [("handshake", joins.handshake), ("seat", joins.seated)] {
            let p99 = quantile(&sorted, 0.99);
            assert!(
                p99 <= max,
                "a {what} at {} loss must take at most {max:?} at p99, took {p99:?}",
                self.loss
            );
        }
    }
}

#[test]
fn joins_take_at_most_550_ms_at_5_percent_loss() {
    JoinBounds { loss: 0.05, p99_ms: 550 }.assert_kept();
}

#[test]
fn joins_take_at_most_1700_ms_at_20_percent_loss() {
    JoinBounds { loss: 0.2, p99_ms: 1700 }.assert_kept();
}
