//! The load of one worker's thread: the lateness of a timer, CPU time, and the memory of the process.
//!
//! A periodic timer runs beside the bots on their runtime, so a delay of the bots delays the timer too. Missed ticks of the timer
//! count, each with its own lateness: a process that was stopped for a second records every tick of that second as late.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::context::WorkerContext;
use crate::measure::SelfLoad;

/// The period of the timer.
const TIMER_PERIOD: Duration = Duration::from_millis(10);

/// Measures the calling thread until `finished` is cancelled. Records the load of each second, and of the last, incomplete one.
pub(crate) async fn measure(context: Arc<WorkerContext>, reports_memory: bool, finished: CancellationToken) {
    let mut timer = interval_at(context.start.max(Instant::now()), TIMER_PERIOD);
    timer.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut second = LoadSecond::begin(context.elapsed());
    let record = |second: LoadSecond, cpu_us| {
        let (at, self_load) = second.end(cpu_us, reports_memory);
        context.recorder().push_self_load(at, self_load);
    };
    loop {
        let due = tokio::select! {
            biased;
            () = finished.cancelled() => break,
            due = timer.tick() => due,
        };
        let (now, late) = (context.elapsed(), due.elapsed());
        second.self_load.timer_lag.record_time(late);
        if now.as_secs() != second.at.as_secs() {
            let next = LoadSecond::begin(now);
            let cpu_us = next.cpu_us;
            record(std::mem::replace(&mut second, next), cpu_us);
        }
    }
    record(second, thread_cpu_us());
}

/// The load of one thread in the current second.
struct LoadSecond {
    /// The start of the measurement, since the run's start.
    at: Duration,
    /// CPU time of the thread at `at`, in microseconds; `None` where the system does not provide it.
    cpu_us: Option<u64>,
    self_load: SelfLoad,
}

impl LoadSecond {
    fn begin(at: Duration) -> Self {
        Self { at, cpu_us: thread_cpu_us(), self_load: SelfLoad::default() }
    }

    fn end(self, cpu_us: Option<u64>, reports_memory: bool) -> (Duration, SelfLoad) {
        let used_us = cpu_us.unwrap_or(0).saturating_sub(self.cpu_us.unwrap_or(0));
        let rss_bytes = if reports_memory { process_rss_bytes().unwrap_or(0) } else { 0 };
        (self.at, SelfLoad { cpu_us: used_us, busiest_us: used_us, rss_bytes, threads: 1, ..self.self_load })
    }
}

/// Returns the CPU time of this thread since its start, from the first number (nanoseconds) of the kernel's schedstat file; `None` where
/// the system has no such file.
fn thread_cpu_us() -> Option<u64> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: u64 = stat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(ns / 1000)
}

/// Returns the resident memory of this process, from the kernel's `VmRSS` in kilobytes; `None` where the system does not provide it.
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
        tokio::time::sleep(4 * TIMER_PERIOD).await;
        finished.cancel();
        task.await.unwrap();
        let self_load = context.take().self_load;
        let [(_, last)] = self_load.as_slice() else { panic!("{self_load:?}") };
        assert!(last.timer_lag.count() >= 1 && last.threads == 1, "{last:?}");
    }
}
