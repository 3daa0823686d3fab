//! Metrics of match results on their way to the database.

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use prometheus_client::registry::Registry;

use super::registration::register;

/// Handles of the metrics of match results. A clone counts into the same metrics.
#[derive(Clone, Debug)]
pub struct MatchResultMetrics {
    /// Results that are not written yet: in a room, in the queue, or in a transaction.
    pub waiting: Gauge,
    /// Results written to the database; a result that was there already counts, too.
    pub written: Counter,
    /// Results dropped because a room kept the maximum of them, or because the storage had stopped.
    pub lost: Counter,
    /// Transactions that failed and are retried.
    pub failed_writes: Counter,
}

impl MatchResultMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            waiting: register(r, "match_results_waiting", "Match results that are not written yet"),
            written: register(r, "match_results_written", "Match results written to the database"),
            lost: register(r, "match_results_lost", "Match results dropped before they were written"),
            failed_writes: register(
                r,
                "match_results_failed_writes",
                "Failed transactions that write match results",
            ),
        }
    }

    /// Counts `results` of the waiting ones as written.
    pub fn written(&self, results: usize) {
        self.waiting.dec_by(i64::try_from(results).unwrap_or(i64::MAX));
        self.written.inc_by(results as u64);
    }
}
