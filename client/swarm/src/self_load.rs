//! The load of one worker's own thread: how late its timers fire, its CPU time and its memory.
//!
//! A periodic timer runs beside the bots on their runtime: what delays it delays them. Missed ticks of the timer count, each with its
//! own delay, so a process that was stopped for a second records every tick of that second as late.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{context::WorkerContext, measure::SelfLoad};

/// The period of the timer.
const BEAT: Duration = Duration::from_millis(10);

/// Measures one thread until `finished` is cancelled, and records each second, the last one up to its end.
pub(super) async fn measure(context: Arc<WorkerContext>, reports_memory: bool, finished: CancellationToken) {
    let mut beats = interval_at(context.start.max(Instant::now()), BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut second = Second::begin(context.elapsed());
    let record = |second: Second, cpu_us| {
        let (at, self_load) = second.end(cpu_us, reports_memory);
        context.recorder().push_self_load(at, self_load);
    };
    loop {
        let due = tokio::select! {
            biased;
            () = finished.cancelled() => break,
            due = beats.tick() => due,
        };
        let (now, late) = (context.elapsed(), due.elapsed());
        second.self_load.beat.record_time(late);
        if now.as_secs() != second.at.as_secs() {
            let next = Second::begin(now);
            let cpu_us = next.cpu_us;
            record(std::mem::replace(&mut second, next), cpu_us);
        }
    }
    record(second, thread_cpu_us());
}

/// One second of one thread.
struct Second {
    at: Duration,
    /// CPU time of the thread at the second's start; `None` where the system does not provide it.
    cpu_us: Option<u64>,
    self_load: SelfLoad,
}

impl Second {
    fn begin(at: Duration) -> Self {
        Self { at, cpu_us: thread_cpu_us(), self_load: SelfLoad::default() }
    }

    fn end(self, cpu_us: Option<u64>, reports_memory: bool) -> (Duration, SelfLoad) {
        let used_us = cpu_us.unwrap_or(0).saturating_sub(self.cpu_us.unwrap_or(0));
        let rss_bytes = if reports_memory { process_rss_bytes().unwrap_or(0) } else { 0 };
        (self.at, SelfLoad { cpu_us: used_us, busiest_us: used_us, rss_bytes, threads: 1, ..self.self_load })
    }
}

/// CPU time of this thread since its start, from the kernel's schedstat in nanoseconds; `None` where the system has no such file.
fn thread_cpu_us() -> Option<u64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: u64 = stat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(ns / 1000)
}

/// Resident memory of this process: `VmRSS`, which the kernel gives in kilobytes.
fn process_rss_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    #[tokio::test(start_paused = true)]
    async fn the_second_in_which_a_thread_ends_is_recorded() {
        let (plan, stop) = (Arc::new(Plan::default()), CancellationToken::new());
        let context = Arc::new(WorkerContext::new(plan, Arc::new([]), Instant::now(), stop));
        let finished = CancellationToken::new();
        let task = tokio::spawn(measure(Arc::clone(&context), true, finished.clone()));
        tokio::time::sleep(4 * BEAT).await;
        finished.cancel();
        task.await.unwrap();
        let self_load = context.take().self_load;
        let [(_, last)] = self_load.as_slice() else { panic!("{self_load:?}") };
        assert!(last.beat.count() >= 1 && last.threads == 1, "{last:?}");
    }
}
