//! The server's metrics over a run: scraped once a second, and stored as the changes between two scrapes.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{
    delta::SampleDelta,
    metrics::{HttpAddress, MetricsError, MetricsSample, scrape},
};
use crate::report::{ServerFigures, ServerSecond, round};

/// Time between two scrapes.
const SCRAPE_PERIOD: Duration = Duration::from_secs(1);

/// Maximum number of incidents (outages and restarts) that are kept.
const MAX_INCIDENTS: usize = 64;

/// Scrapes the server in its own task, so that a server that does not answer delays nothing else.
pub(crate) struct MetricsPoller {
    address: Result<HttpAddress, String>,
}

impl MetricsPoller {
    /// Creates a poller of the admin HTTP server at this URL.
    pub(crate) fn new(url: &str) -> Self {
        Self { address: url.parse() }
    }

    /// Scrapes until the receiver is dropped; returns at once if the URL is invalid.
    pub(crate) async fn run(self, samples: mpsc::Sender<Result<MetricsSample, MetricsError>>) {
        let Ok(address) = self.address else { return };
        let mut every = interval(SCRAPE_PERIOD);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if samples.send(scrape(&address).await).await.is_err() {
                return;
            }
        }
    }
}

/// The server's samples: the newest one, the change in each second, and the change over the measured part.
#[derive(Debug, Default)]
pub(crate) struct ServerHistory {
    /// The seconds that the figures cover.
    measured: Range<u32>,
    /// The newest sample, and its time since the run's start.
    newest: Option<(Duration, MetricsSample)>,
    /// The newest second, and the change of the metrics in it up to now.
    second: (u32, SampleDelta),
    /// The plotted figures of each second with a sample, except for the first sample.
    seconds: BTreeMap<u32, ServerSecond>,
    /// The change over the measured part up to now.
    total: SampleDelta,
    /// Number of scrapes that failed.
    unanswered: u64,
    incidents: Vec<(Duration, String)>,
    /// Whether the last scrape failed.
    is_silent: bool,
}

impl ServerHistory {
    /// Creates an empty history whose figures cover these seconds.
    pub(crate) fn new(measured: Range<u32>) -> Self {
        Self { measured, ..Self::default() }
    }

    /// Adds a sample, or the error of a scrape.
    pub(crate) fn push(&mut self, at: Duration, scraped: Result<MetricsSample, MetricsError>) {
        match scraped {
            Ok(sample) => {
                self.is_silent = false;
                if let Some((before, last)) = self.newest.take() {
                    if sample.is_after_restart(&last) {
                        self.push_incident(
                            at,
                            "the server's counters started again at 0: it was restarted".to_owned(),
                        );
                    }
                    self.push_delta(
                        before,
                        at,
                        &SampleDelta::between(&last, &sample, (at - before).as_secs_f64()),
                    );
                    self.push_second(at, &sample);
                }
                self.newest = Some((at, sample));
            }
            Err(error) => {
                self.unanswered += 1;
                // One incident for each outage, regardless of its length.
                if !std::mem::replace(&mut self.is_silent, true) {
                    self.push_incident(at, error.to_string());
                }
            }
        }
    }

    /// Adds the change between two scrapes to the total, if both are in the measured part (its end included), and to the second of the
    /// later one.
    fn push_delta(&mut self, from: Duration, until: Duration, delta: &SampleDelta) {
        let is_measured = |at: Duration| {
            (u64::from(self.measured.start)..=u64::from(self.measured.end)).contains(&at.as_secs())
        };
        if is_measured(from) && is_measured(until) {
            self.total.push(delta);
        }
        let second = until.as_secs() as u32;
        if second != self.second.0 {
            self.second = (second, SampleDelta::default());
        }
        self.second.1.push(delta);
    }

    fn push_second(&mut self, at: Duration, sample: &MetricsSample) {
        let delta = &self.second.1;
        let second = ServerSecond {
            cpu_cores: delta.cores().map(round),
            rss_mb: megabytes(sample.resident_bytes),
            tick_ms_p99: delta.tick_ms_p99().map(round),
            tick_ms_max: delta.tick_ms_max().map(round),
            overruns: delta.overruns(),
        };
        self.seconds.insert(at.as_secs() as u32, second);
    }

    fn push_incident(&mut self, at: Duration, text: String) {
        if self.incidents.len() < MAX_INCIDENTS {
            self.incidents.push((at, text));
        }
    }

    /// Returns the server's version, if it exports one.
    pub(crate) fn version(&self) -> Option<&str> {
        self.newest.as_ref()?.1.version.as_deref()
    }

    /// Returns the incidents: the start of each outage, with the error of the scrape, and each restart.
    pub(crate) fn incidents(&self) -> &[(Duration, String)] {
        &self.incidents
    }

    /// Returns the figures of this second; `None` for a second without a sample, and for the first sample, which has no change.
    pub(crate) fn second(&self, at_s: u32) -> Option<ServerSecond> {
        self.seconds.get(&at_s).copied()
    }

    /// Returns the figures of the measured part up to now. `measured_s` is the part's length up to now in seconds, and `bot_seconds` the
    /// sum of the time that bots played in it. Returns `None` if no scrape was attempted.
    pub(crate) fn figures(&self, measured_s: u32, bot_seconds: f64) -> Option<ServerFigures> {
        if self.newest.is_none() && self.unanswered == 0 {
            return None;
        }
        let newest = self.newest.as_ref().map(|(_, sample)| sample);
        let cpu_cores = self.total.cores();
        // The average number of bots over the measured part, which the scrapes cover except for a fraction of a second.
        let bots = bot_seconds / f64::from(measured_s).max(1.0);
        Some(ServerFigures {
            cpu_ms_per_player_s: cpu_cores.filter(|_| bots > 0.0).map(|cores| round(1000.0 * cores / bots)),
            cpu_cores: cpu_cores.map(round),
            cores: newest.and_then(|sample| sample.cores).map(|cores| cores as u64),
            rss_mb: newest.and_then(|sample| megabytes(sample.resident_bytes)),
            machine_mb: newest.and_then(|sample| megabytes(sample.machine_bytes)),
            tick_ms_p99: self.total.tick_ms_p99().map(round),
            tick_ms_max: self.total.tick_ms_max().map(round),
            overruns: self.total.overruns(),
            slips: self.total.slips(),
            unanswered: self.unanswered,
        })
    }
}

fn megabytes(bytes: Option<f64>) -> Option<f64> {
    bytes.map(|bytes| round(bytes / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_seconds: f64) -> Result<MetricsSample, MetricsError> {
        Ok(MetricsSample { cpu_seconds: Some(cpu_seconds), overruns: Some(0.0), ..MetricsSample::default() })
    }

    fn history(
        samples: impl IntoIterator<Item = (u64, Result<MetricsSample, MetricsError>)>,
    ) -> ServerHistory {
        let mut history = ServerHistory::new(2..10);
        samples.into_iter().for_each(|(at_s, sample)| history.push(Duration::from_secs(at_s), sample));
        history
    }

    #[test]
    fn figures_cover_the_measured_part() {
        let history = history([
            (0, sample(0.0)),
            (1, sample(9.0)),
            (2, sample(10.0)),
            (4, sample(11.0)),
            (11, sample(99.0)),
        ]);
        let figures = history.figures(8, 80.0).unwrap();
        assert_eq!((figures.cpu_cores, figures.cpu_ms_per_player_s), (Some(0.5), Some(50.0)));
        assert_eq!((figures.overruns, figures.slips, figures.tick_ms_max), (Some(0), None, None));
        assert_eq!(history.second(1).unwrap().cpu_cores, Some(9.0), "all seconds are plotted");
        assert_eq!((history.second(0), history.second(3)), (None, None));
    }

    #[test]
    fn a_server_without_metrics_has_no_figures() {
        assert_eq!(history([]).figures(8, 80.0), None, "it was never scraped");
        let other = || Err(MetricsError::NoMetrics("host:1".to_owned(), "a page".to_owned()));
        let history = history((0..10).map(|at_s| (at_s, other())));
        let figures = history.figures(8, 80.0).unwrap();
        assert_eq!(figures, ServerFigures { unanswered: 10, ..ServerFigures::default() });
        assert_eq!(history.incidents().len(), 1, "an outage is one incident");
    }

    #[test]
    fn a_restart_is_an_incident_and_the_figures_continue() {
        let history = history([(2, sample(10.0)), (3, sample(10.5)), (5, sample(0.1)), (6, sample(0.6))]);
        assert_eq!(history.figures(8, 0.0).unwrap().cpu_cores, Some(0.5));
        assert_eq!(history.figures(8, 0.0).unwrap().cpu_ms_per_player_s, None, "no bot played");
        let [(at, text)] = history.incidents() else { panic!("{:?}", history.incidents()) };
        assert!(at.as_secs() == 5 && text.contains("restarted"), "{text}");
    }

    #[test]
    fn two_scrapes_in_one_second_are_merged_into_its_figures() {
        let mut history = history([(2, sample(1.0)), (3, sample(2.0))]);
        history.push(Duration::from_millis(3500), sample(2.0));
        assert_eq!(history.second(3).unwrap().cpu_cores, Some(round(1.0 / 1.5)));
    }
}
