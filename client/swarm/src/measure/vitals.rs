//! What the swarm itself cost in one second, and how well it kept its own time.

use serde::{Deserialize, Serialize};

use super::Distribution;

/// One second of one thread, or of all of them together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vitals {
    /// How late a clock that beats every few milliseconds beside the bots was, in microseconds. Beats that were missed count too.
    pub beat: Distribution,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
    /// The CPU time of the busiest thread.
    pub busiest_us: u64,
    /// Memory in RAM of all processes; told by one thread of each.
    pub rss_bytes: u64,
    /// How many threads this is of.
    pub threads: u64,
}

impl Vitals {
    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        self.beat.merge(&other.beat);
        self.cpu_us += other.cpu_us;
        self.busiest_us = self.busiest_us.max(other.busiest_us);
        self.rss_bytes += other.rss_bytes;
        self.threads += other.threads;
    }
}
