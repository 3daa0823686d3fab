//! The swarm's own load in one second: the lateness of its timers, CPU time and memory.

use serde::{Deserialize, Serialize};

use super::Distribution;

/// The load of one second, of one thread or of all threads together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfLoad {
    /// Lateness of a periodic timer that runs beside the bots, in microseconds. Missed ticks of the timer count too.
    // The name on the wire since protocol 1.
    #[serde(rename = "beat")]
    pub timer_lag: Distribution,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
    /// CPU time of the busiest thread, in microseconds.
    pub busiest_us: u64,
    /// Resident memory of all processes, in bytes; reported by one thread of each process.
    pub rss_bytes: u64,
    /// Number of threads whose load is added up here.
    pub threads: u64,
}

impl SelfLoad {
    /// Adds the load of another thread.
    pub fn merge(&mut self, other: &Self) {
        self.timer_lag.merge(&other.timer_lag);
        self.cpu_us += other.cpu_us;
        self.busiest_us = self.busiest_us.max(other.busiest_us);
        self.rss_bytes += other.rss_bytes;
        self.threads += other.threads;
    }
}
