//! The source of a run's counts, which hides whether the bots play in this process or on agents.

use std::time::Duration;

use super::measure::Batch;

/// The period at which counts are collected and rules are checked.
pub(super) const COLLECT_PERIOD: Duration = Duration::from_secs(1);

/// Batches of counts: from threads of this process, or from agents.
pub(super) trait BatchSource: Send {
    /// Takes everything that was counted since the last call.
    fn take(&mut self) -> Batch;

    /// Whether nothing more will be counted.
    fn is_over(&self) -> bool;
}
