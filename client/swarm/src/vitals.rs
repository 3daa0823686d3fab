//! How well a thread of bots keeps its own time, and what it takes: the part of a verdict that is about the swarm itself.
//!
//! A clock beats beside the bots, on their own runtime: what makes it late makes them late. Beats that were missed count, each with
//! its own lateness, so a process that stood still for a second shows for as long as it stood.

use std::{fs, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{crew::Crew, measure::SelfLoad};

/// Between two beats.
const BEAT: Duration = Duration::from_millis(10);

/// Watches over one thread until its bots are through, and tells of the second in which that is as well, as far as it went.
pub(super) async fn watch(crew: Arc<Crew>, tells_memory: bool, through: CancellationToken) {
    let mut beats = interval_at(crew.start.max(Instant::now()), BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut second = Second::begin(crew.elapsed());
    let tell = |second: Second, cpu_us| {
        let (at, self_load) = second.end(cpu_us, tells_memory);
        crew.recorder().push_self_load(at, self_load);
    };
    loop {
        let meant = tokio::select! {
            biased;
            () = through.cancelled() => break,
            meant = beats.tick() => meant,
        };
        let (now, late) = (crew.elapsed(), meant.elapsed());
        second.self_load.beat.record_time(late);
        if now.as_secs() != second.at.as_secs() {
            let next = Second::begin(now);
            let cpu_us = next.cpu_us;
            tell(std::mem::replace(&mut second, next), cpu_us);
        }
    }
    tell(second, thread_cpu_us());
}

/// One second of one thread.
struct Second {
    at: Duration,
    /// What the thread had used by its begin; none where the system does not say.
    cpu_us: Option<u64>,
    self_load: SelfLoad,
}

impl Second {
    fn begin(at: Duration) -> Self {
        Self { at, cpu_us: thread_cpu_us(), self_load: SelfLoad::default() }
    }

    fn end(self, cpu_us: Option<u64>, tells_memory: bool) -> (Duration, SelfLoad) {
        let used_us = cpu_us.unwrap_or(0).saturating_sub(self.cpu_us.unwrap_or(0));
        let rss_bytes = if tells_memory { process_rss_bytes().unwrap_or(0) } else { 0 };
        (self.at, SelfLoad { cpu_us: used_us, busiest_us: used_us, rss_bytes, threads: 1, ..self.self_load })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crew::Muster, game::Games, plan::Plan};

    #[tokio::test(start_paused = true)]
    async fn the_second_in_which_a_thread_ends_is_told_of() {
        let muster = Muster {
            plan: Arc::new(Plan { threads: 1, ..Plan::default() }),
            games: Games::new(Vec::new()),
            targets: Arc::new([]),
            start: Instant::now(),
            stop: CancellationToken::new(),
            process: 0,
            processes: 1,
        };
        let crew = muster.crews().remove(0);
        let through = CancellationToken::new();
        let watch = tokio::spawn(watch(Arc::clone(&crew), true, through.clone()));
        tokio::time::sleep(4 * BEAT).await;
        through.cancel();
        watch.await.unwrap();
        let self_load = crew.take().self_load;
        let [(_, last)] = self_load.as_slice() else { panic!("{self_load:?}") };
        assert!(last.beat.count() >= 1 && last.threads == 1, "{last:?}");
    }
}
