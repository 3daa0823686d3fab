//! The source of a run's counts: the same interface for bots in this process and for bots on agents.

use std::time::Duration;

use super::measure::Batch;

/// The period at which counts are collected and rules are checked.
pub(super) const COLLECT_PERIOD: Duration = Duration::from_secs(1);

/// A source of batches of counts: the threads of this process, or the agents.
pub(super) trait BatchSource: Send {
    /// Takes the counts since the last call, of all threads or agents together.
    fn take(&mut self) -> Batch;

    /// Whether all bots have ended. Counts since the last [`Self::take`] may still be waiting.
    fn is_over(&self) -> bool;
}
