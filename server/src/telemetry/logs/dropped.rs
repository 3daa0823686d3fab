//! Counters of dropped log lines.

use prometheus_client::metrics::counter::Counter;

/// Counters of dropped log lines, by reason. A clone counts into the same metrics.
#[derive(Clone, Debug, Default)]
pub struct DroppedLines {
    /// The queue was full, because the destination accepts lines too slowly or not at all.
    pub queue_full: Counter,
    /// The destination returned an error.
    pub unwritable: Counter,
    /// Too many lines of one kind were logged in a short time.
    pub rate_limited: Counter,
}
