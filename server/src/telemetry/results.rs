//! Counts of match results on their way to the disk.

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use prometheus_client::registry::Registry;

use super::metrics::register;

/// What became of match results. The handles are shared: a copy counts into the same numbers.
#[derive(Clone, Debug)]
pub struct ResultCounts {
    /// Finished and not written yet: in a room, in the queue, or in a transaction.
    pub waiting: Gauge,
    /// In the database; one that was there already counts, too.
    pub written: Counter,
    /// Given up because a room held too many of them, or its storage had ended.
    pub lost: Counter,
    /// Transactions that failed and were tried again.
    pub failed_writes: Counter,
}

impl ResultCounts {
    pub(super) fn of(r: &mut Registry) -> Self {
        Self {
            waiting: register(r, "match_results_waiting", "Match results that are not written yet"),
            written: register(r, "match_results_written", "Match results written"),
            lost: register(r, "match_results_lost", "Match results given up before they were written"),
            failed_writes: register(
                r,
                "match_results_failed_writes",
                "Attempts to write results that failed",
            ),
        }
    }

    /// So many are no longer waiting.
    pub fn written(&self, results: usize) {
        self.waiting.dec_by(i64::try_from(results).unwrap_or(i64::MAX));
        self.written.inc_by(results as u64);
    }
}
