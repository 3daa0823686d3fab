//! The server's counters over a run: asked once a second, kept, and read as what happened between two moments.

use std::{ops::Range, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{
    report::{ServerFigures, ServerSecond, round},
    server_metrics::{HttpAddress, MetricsError, Sample, sample},
};

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Asks, in a task of its own: a server that does not answer holds nobody up.
pub(super) struct Poller {
    address: Result<HttpAddress, String>,
}

impl Poller {
    /// Of the server at this URL.
    pub(super) fn new(url: &str) -> Self {
        Self { address: url.parse() }
    }

    /// Asks until nobody listens any more.
    pub(super) async fn run(self, samples: mpsc::Sender<Result<Sample, MetricsError>>) {
        let Ok(address) = self.address else { return };
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if samples.send(sample(&address).await).await.is_err() {
                return;
            }
        }
    }
}

/// What the server answered, and when.
#[derive(Debug, Default)]
pub(super) struct ServerLog {
    samples: Vec<(Duration, Sample)>,
    unanswered: u64,
    silences: Vec<(Duration, String)>,
    is_silent: bool,
}

impl ServerLog {
    /// An answer, or why there was none.
    pub(super) fn push(&mut self, at: Duration, answer: Result<Sample, MetricsError>) {
        match answer {
            Ok(sample) => {
                self.is_silent = false;
                self.samples.push((at, sample));
            }
            Err(error) => {
                self.unanswered += 1;
                // Told once for each silence, however long it is.
                if !std::mem::replace(&mut self.is_silent, true) {
                    self.silences.push((at, error.to_string()));
                }
            }
        }
    }

    /// Which version it runs, when it says so.
    pub(super) fn version(&self) -> Option<&str> {
        self.samples.last()?.1.version()
    }

    /// When it fell silent, and what was in the way.
    pub(super) fn silences(&self) -> &[(Duration, String)] {
        &self.silences
    }

    /// What happened in this second, as far as two answers tell.
    pub(super) fn second(&self, at_s: u32) -> Option<ServerSecond> {
        let last = self.samples.iter().rposition(|(at, _)| at.as_secs() == u64::from(at_s))?;
        let [(from, before), (until, after)] = self.samples.get(last.checked_sub(1)?..=last)? else {
            return None;
        };
        let ticked = after.ticks_since(before) > 0.0;
        Some(ServerSecond {
            cpu_cores: round(after.cpu_since(before) / (*until - *from).as_secs_f64()),
            rss_mb: round(after.resident_bytes() / 1e6),
            tick_ms_p99: ticked.then(|| round(1000.0 * after.tick_quantile(before, 0.99))),
            tick_ms_max: ticked.then(|| round(1000.0 * after.tick_quantile(before, 1.0))),
            overruns: after.overruns_since(before),
        })
    }

    /// What happened in these seconds, in which bots played for so long together; `None` when it was not asked, or answered too rarely.
    pub(super) fn figures(&self, measured: &Range<u32>, bot_seconds: f64) -> Option<ServerFigures> {
        let is_in = |(at, _): &&(Duration, Sample)| {
            (u64::from(measured.start)..=u64::from(measured.end)).contains(&at.as_secs())
        };
        let (from, before) = self.samples.iter().find(is_in)?;
        let (until, after) = self.samples.iter().rfind(is_in)?;
        let seconds = (*until - *from).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let cpu_cores = after.cpu_since(before) / seconds;
        // Bots on average over the measured part, which the answers cover but for a fraction of a second.
        let bots = bot_seconds / f64::from(measured.end - measured.start).max(1.0);
        Some(ServerFigures {
            cpu_ms_per_player_s: if bots > 0.0 { round(1000.0 * cpu_cores / bots) } else { 0.0 },
            cpu_cores: round(cpu_cores),
            cores: after.cores(),
            rss_mb: round(after.resident_bytes() / 1e6),
            machine_mb: round(after.machine_bytes() / 1e6),
            tick_ms_p99: round(1000.0 * after.tick_quantile(before, 0.99)),
            tick_ms_max: round(1000.0 * after.tick_quantile(before, 1.0)),
            overruns: after.overruns_since(before),
            slips: after.slips_since(before),
            unanswered: self.unanswered,
        })
    }
}
