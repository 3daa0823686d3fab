//! The server's counters over a run: asked once a second, and kept as what happened from one answer to the next.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{
    report::{ServerFigures, ServerSecond, round},
    server_metrics::{HttpAddress, MetricsError, Sample, sample},
    server_span::Span,
};

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How many silences and restarts are told of, at most.
const INCIDENTS: usize = 64;

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

/// What the server answered: the newest answer, what it comes to by second, and in total.
#[derive(Debug, Default)]
pub(super) struct ServerLog {
    /// The seconds that figures are of.
    measured: Range<u32>,
    newest: Option<(Duration, Sample)>,
    /// What the newest second comes to so far.
    second: (u32, Span),
    /// All seconds in which it answered, as they are plotted.
    seconds: BTreeMap<u32, ServerSecond>,
    /// What the measured part comes to so far.
    total: Span,
    unanswered: u64,
    incidents: Vec<(Duration, String)>,
    is_silent: bool,
}

impl ServerLog {
    /// One whose figures are of these seconds.
    pub(super) fn new(measured: Range<u32>) -> Self {
        Self { measured, ..Self::default() }
    }

    /// An answer, or why there was none.
    pub(super) fn push(&mut self, at: Duration, answer: Result<Sample, MetricsError>) {
        match answer {
            Ok(sample) => {
                self.is_silent = false;
                if let Some((before, last)) = self.newest.take() {
                    if sample.began_anew_since(&last) {
                        self.push_incident(
                            at,
                            "the server's counters began anew: it was restarted".to_owned(),
                        );
                    }
                    self.push_span(before, at, &Span::between(&last, &sample, (at - before).as_secs_f64()));
                    self.push_second(at, &sample);
                }
                self.newest = Some((at, sample));
            }
            Err(error) => {
                self.unanswered += 1;
                // Told once for each silence, however long it is.
                if !std::mem::replace(&mut self.is_silent, true) {
                    self.push_incident(at, error.to_string());
                }
            }
        }
    }

    fn push_span(&mut self, from: Duration, until: Duration, span: &Span) {
        let is_measured = |at: Duration| {
            (u64::from(self.measured.start)..=u64::from(self.measured.end)).contains(&at.as_secs())
        };
        if is_measured(from) && is_measured(until) {
            self.total.push(span);
        }
        let second = until.as_secs() as u32;
        if second != self.second.0 {
            self.second = (second, Span::default());
        }
        self.second.1.push(span);
    }

    fn push_second(&mut self, at: Duration, sample: &Sample) {
        let span = &self.second.1;
        let second = ServerSecond {
            cpu_cores: span.cores().map(round),
            rss_mb: megabytes(sample.resident_bytes),
            tick_ms_p99: span.tick_ms_p99().map(round),
            tick_ms_max: span.tick_ms_max().map(round),
            overruns: span.overruns(),
        };
        self.seconds.insert(at.as_secs() as u32, second);
    }

    fn push_incident(&mut self, at: Duration, what: String) {
        if self.incidents.len() < INCIDENTS {
            self.incidents.push((at, what));
        }
    }

    /// Which version it runs, when it says so.
    pub(super) fn version(&self) -> Option<&str> {
        self.newest.as_ref()?.1.version.as_deref()
    }

    /// When it fell silent and what was in the way, and when it was restarted.
    pub(super) fn incidents(&self) -> &[(Duration, String)] {
        &self.incidents
    }

    /// What happened in this second, as far as two answers tell.
    pub(super) fn second(&self, at_s: u32) -> Option<ServerSecond> {
        self.seconds.get(&at_s).copied()
    }

    /// What happened in the measured part, of which so many seconds have passed, in which bots played for so long together; `None` when
    /// it was not asked.
    pub(super) fn figures(&self, measured_s: u32, bot_seconds: f64) -> Option<ServerFigures> {
        if self.newest.is_none() && self.unanswered == 0 {
            return None;
        }
        let newest = self.newest.as_ref().map(|(_, sample)| sample);
        let cpu_cores = self.total.cores();
        // Bots on average over the measured part, which the answers cover but for a fraction of a second.
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

    fn answer(cpu_seconds: f64) -> Result<Sample, MetricsError> {
        Ok(Sample { cpu_seconds: Some(cpu_seconds), overruns: Some(0.0), ..Sample::default() })
    }

    fn log(answers: impl IntoIterator<Item = (u64, Result<Sample, MetricsError>)>) -> ServerLog {
        let mut log = ServerLog::new(2..10);
        answers.into_iter().for_each(|(at_s, answer)| log.push(Duration::from_secs(at_s), answer));
        log
    }

    #[test]
    fn figures_are_of_the_measured_part() {
        let log = log([
            (0, answer(0.0)),
            (1, answer(9.0)),
            (2, answer(10.0)),
            (4, answer(11.0)),
            (11, answer(99.0)),
        ]);
        let figures = log.figures(8, 80.0).unwrap();
        assert_eq!((figures.cpu_cores, figures.cpu_ms_per_player_s), (Some(0.5), Some(50.0)));
        assert_eq!((figures.overruns, figures.slips, figures.tick_ms_max), (Some(0), None, None));
        assert_eq!(log.second(1).unwrap().cpu_cores, Some(9.0), "what is plotted is of all seconds");
        assert_eq!((log.second(0), log.second(3)), (None, None));
    }

    #[test]
    fn a_server_that_says_nothing_of_itself_has_no_figures() {
        assert_eq!(log([]).figures(8, 80.0), None, "it was not asked");
        let other = || Err(MetricsError::NoMetrics("host:1".to_owned(), "a page".to_owned()));
        let log = log((0..10).map(|at_s| (at_s, other())));
        let figures = log.figures(8, 80.0).unwrap();
        assert_eq!(figures, ServerFigures { unanswered: 10, ..ServerFigures::default() });
        assert_eq!(log.incidents().len(), 1, "a silence is told of once");
    }

    #[test]
    fn a_restart_is_told_of_and_ends_no_count() {
        let log = log([(2, answer(10.0)), (3, answer(10.5)), (5, answer(0.1)), (6, answer(0.6))]);
        assert_eq!(log.figures(8, 0.0).unwrap().cpu_cores, Some(0.5));
        assert_eq!(log.figures(8, 0.0).unwrap().cpu_ms_per_player_s, None, "nobody played");
        let [(at, what)] = log.incidents() else { panic!("{:?}", log.incidents()) };
        assert!(at.as_secs() == 5 && what.contains("restarted"), "{what}");
    }

    #[test]
    fn two_answers_in_one_second_are_one_second() {
        let mut log = log([(2, answer(1.0)), (3, answer(2.0))]);
        log.push(Duration::from_millis(3500), answer(2.0));
        assert_eq!(log.second(3).unwrap().cpu_cores, Some(round(1.0 / 1.5)));
    }
}
