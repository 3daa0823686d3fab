//! How well a thread of bots keeps its own time, and what it takes: the part of a verdict that is about the swarm itself.
//!
//! A clock beats beside the bots, on their own runtime: what makes it late makes them late. Beats that were missed count, each with
//! its own lateness, so a process that stood still for a second shows for as long as it stood.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{crew::Crew, measure::Vitals};

/// Between two beats.
const BEAT: Duration = Duration::from_millis(10);

/// Watches over one thread until it is dropped.
pub(super) async fn watch(crew: Arc<Crew>, tells_memory: bool) {
    let mut beats = interval_at(crew.start.max(Instant::now()), BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut second = Second::begin(crew.elapsed());
    loop {
        let meant = beats.tick().await;
        let (now, late) = (crew.elapsed(), meant.elapsed());
        second.vitals.beat.record_time(late);
        if now.as_secs() != second.at.as_secs() {
            let next = Second::begin(now);
            let vitals = std::mem::replace(&mut second, next).end(second.cpu_us, tells_memory);
            crew.recorder().push_vitals(vitals.0, vitals.1);
        }
    }
}

/// One second of one thread.
struct Second {
    at: Duration,
    /// What the thread had used by its begin; none where the system does not say.
    cpu_us: Option<u64>,
    vitals: Vitals,
}

impl Second {
    fn begin(at: Duration) -> Self {
        Self { at, cpu_us: thread_cpu_us(), vitals: Vitals::default() }
    }

    fn end(self, cpu_us: Option<u64>, tells_memory: bool) -> (Duration, Vitals) {
        let used_us = cpu_us.unwrap_or(0).saturating_sub(self.cpu_us.unwrap_or(0));
        let rss_bytes = if tells_memory { process_rss_bytes().unwrap_or(0) } else { 0 };
        (self.at, Vitals { cpu_us: used_us, busiest_us: used_us, rss_bytes, threads: 1, ..self.vitals })
    }
}

/// CPU time of this thread so far, from the kernel's account in nanoseconds; `None` where there is none.
fn thread_cpu_us() -> Option<u64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: u64 = stat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(ns / 1000)
}

/// Memory of this process in RAM: `VmRSS`, in kilobytes there.
fn process_rss_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kilobytes * 1024)
}
