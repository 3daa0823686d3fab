//! The counts of a run, by second and in total.

use std::{collections::BTreeMap, ops::Range};

use super::{Batch, GroupSecond, Row, SelfLoad};
use crate::{
    hostile::HostileRecord,
    report::{Percentiles, SecondFigures, round},
};

/// Number of seconds for which the distributions of a second are kept. Counts that arrive later are added to the totals only. A server
/// holds the seat of a lost player for 30 s, so no acknowledgement arrives later than that.
const RECENT_S: u32 = 60;

/// Maximum number of incidents that are kept.
const MAX_INCIDENTS: usize = 256;

/// The counts of a run.
#[derive(Debug)]
pub struct Timeline {
    /// The seconds that rates and distributions cover.
    measured: Range<u32>,
    groups: Vec<Totals>,
    all: Totals,
    /// The newest seconds, with their distributions.
    recent: BTreeMap<u32, Row>,
    /// The figures of all earlier seconds, for plots; the index is the second.
    seconds: Vec<SecondFigures>,
    /// The swarm's own load over the measured part.
    self_load: SelfLoad,
    /// The swarm's own load in the newest seconds.
    recent_self_load: BTreeMap<u32, SelfLoad>,
    hostile: BTreeMap<String, HostileRecord>,
    incidents: Vec<(u64, String)>,
    /// The newest second with counts.
    newest: u32,
    tick_hz: u32,
    playing: u64,
    finished: u64,
}

/// The totals of a group of bots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Counts of the complete run.
    pub whole: Row,
    /// Counts of the measured part.
    pub measured: Row,
}

impl Totals {
    fn push(&mut self, row: &Row, is_measured: bool) {
        self.whole.merge(row);
        if is_measured {
            self.measured.merge(row);
        }
    }
}

impl Timeline {
    /// Creates an empty timeline for this number of groups; rates and distributions cover the `measured` seconds.
    #[must_use]
    pub fn new(groups: usize, measured: Range<u32>) -> Self {
        Self {
            measured,
            groups: vec![Totals::default(); groups],
            all: Totals::default(),
            recent: BTreeMap::new(),
            seconds: Vec::new(),
            self_load: SelfLoad::default(),
            recent_self_load: BTreeMap::new(),
            hostile: BTreeMap::new(),
            incidents: Vec::new(),
            newest: 0,
            tick_hz: 0,
            playing: 0,
            finished: 0,
        }
    }

    /// Adds the merged batch of all threads or agents. Its numbers of playing and finished bots replace the previous ones.
    pub fn push(&mut self, batch: Batch) {
        for GroupSecond(second, group, row) in batch.rows {
            let is_measured = self.measured.contains(&second);
            self.all.push(&row, is_measured);
            if let Some(group) = self.groups.get_mut(usize::from(group)) {
                group.push(&row, is_measured);
            }
            if second as usize >= self.seconds.len() {
                self.recent.entry(second).or_default().merge(&row);
            }
            self.newest = self.newest.max(second);
        }
        for (second, self_load) in batch.self_load {
            self.push_self_load(second, &self_load);
        }
        for (kind, record) in batch.hostile {
            self.hostile.entry(kind).or_default().merge(&record);
        }
        self.tick_hz = self.tick_hz.max(batch.tick_hz);
        (self.playing, self.finished) = (batch.playing, batch.finished);
        for (at, text) in batch.incidents {
            self.push_incident(at, text);
        }
        self.condense(self.newest.saturating_sub(RECENT_S));
    }

    /// Returns the tick rate of the rooms that bots joined, in hertz; 0 when no bot joined.
    #[must_use]
    pub const fn tick_hz(&self) -> u32 {
        self.tick_hz
    }

    /// Returns the numbers of bots that hold a seat and that are finished, as of the newest batch.
    #[must_use]
    pub const fn present(&self) -> (u64, u64) {
        (self.playing, self.finished)
    }

    /// Returns the totals of all bots.
    #[must_use]
    pub const fn all(&self) -> &Totals {
        &self.all
    }

    /// Returns the totals of each group.
    #[must_use]
    pub fn groups(&self) -> &[Totals] {
        &self.groups
    }

    /// Returns the swarm's own load over the measured part: sums, and the maxima over its seconds for the busiest thread, memory and
    /// threads.
    #[must_use]
    pub const fn self_load(&self) -> &SelfLoad {
        &self.self_load
    }

    /// Returns the actions of hostile bots, by kind.
    #[must_use]
    pub const fn hostile(&self) -> &BTreeMap<String, HostileRecord> {
        &self.hostile
    }

    /// Returns the incidents in order: milliseconds after the start, and a sentence.
    #[must_use]
    pub fn incidents(&self) -> &[(u64, String)] {
        &self.incidents
    }

    /// Returns the figures of the newest second before the current one for which a thread has reported its load; `None` before the first.
    #[must_use]
    pub fn latest(&self) -> Option<SecondFigures> {
        let (&second, _) = self.recent_self_load.range(..self.newest).next_back()?;
        Some(self.summarise(second, &self.recent.get(&second).cloned().unwrap_or_default()))
    }

    /// Returns the figures of all seconds, for plots.
    #[must_use]
    pub fn seconds(mut self) -> Vec<SecondFigures> {
        self.condense(self.newest + 1);
        self.seconds
    }

    fn push_self_load(&mut self, second: u32, self_load: &SelfLoad) {
        // Memory and threads add up within a second; over several seconds the maximum counts.
        let (mut rss, mut threads) = (self_load.rss_bytes, self_load.threads);
        // An old second counts in the totals only.
        if second as usize >= self.seconds.len() {
            let known = self.recent_self_load.entry(second).or_default();
            known.merge(self_load);
            (rss, threads) = (known.rss_bytes, known.threads);
        }
        if self.measured.contains(&second) {
            let sum = &mut self.self_load;
            (rss, threads) = (rss.max(sum.rss_bytes), threads.max(sum.threads));
            sum.merge(self_load);
            (sum.rss_bytes, sum.threads) = (rss, threads);
        }
        // Seconds without players advance the time too.
        self.newest = self.newest.max(second);
    }

    /// Adds an incident; the same incident of many bots is kept once, with its earliest time.
    fn push_incident(&mut self, at: u64, text: String) {
        if let Some((first, _)) = self.incidents.iter_mut().find(|(_, known)| *known == text) {
            *first = at.min(*first);
        } else if self.incidents.len() < MAX_INCIDENTS {
            self.incidents.push((at, text));
        }
        self.incidents.sort();
    }

    /// Computes the figures of all seconds before this one, and drops their distributions.
    fn condense(&mut self, before: u32) {
        for second in self.seconds.len() as u32..before {
            let row = self.recent.remove(&second).unwrap_or_default();
            let summary = self.summarise(second, &row);
            self.recent_self_load.remove(&second);
            self.seconds.push(summary);
        }
    }

    /// Computes the figures of a second, without those of the plan and of the server.
    fn summarise(&self, at_s: u32, row: &Row) -> SecondFigures {
        let counts = &row.counts;
        let mut lag = row.lag.quantile(0.99);
        let mut swarm_cores = 0.0;
        if let Some(self_load) = self.recent_self_load.get(&at_s) {
            lag = lag.max(self_load.timer_lag.quantile(0.99));
            swarm_cores = self_load.cpu_us as f64 / 1e6;
        }
        SecondFigures {
            at_s,
            measured: self.measured.contains(&at_s),
            bots: round(counts.played_us as f64 / 1e6),
            bots_wanted: 0,
            joins: counts.joined,
            closes: row.closes.values().sum(),
            resumes: counts.resumes,
            input_ack_ms: Percentiles::of(&row.input_ack),
            snapshot_age_ms: Percentiles::of(&row.snapshot_age),
            snapshot_gap_ms: Percentiles::of(&row.snapshot_gap),
            snapshots: counts.snapshots,
            snapshots_lost: counts.snapshots_lost,
            frozen_percent: percent(counts.frozen, counts.display_samples),
            bytes_down: counts.bytes_down,
            bytes_up: counts.bytes_up,
            lag_ms_p99: lag as f64 / 1000.0,
            swarm_cores: round(swarm_cores),
            server: None,
        }
    }
}

/// Returns the percentage of `part` in `whole`; `None` if `whole` is 0.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| round(100.0 * part as f64 / whole as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_load(cpu_us: u64, rss_bytes: u64) -> SelfLoad {
        let mut timer_lag = crate::measure::Distribution::default();
        timer_lag.record(cpu_us, 1);
        SelfLoad { timer_lag, cpu_us, busiest_us: cpu_us, rss_bytes, threads: 1 }
    }

    fn batch(self_load: Vec<(u32, SelfLoad)>) -> Batch {
        Batch { self_load, ..Batch::default() }
    }

    #[test]
    fn a_run_of_days_keeps_the_distributions_of_one_minute() {
        let mut timeline = Timeline::new(1, 10..5000);
        for second in 0..5000 {
            timeline.push(batch(vec![(second, self_load(1000, 5))]));
        }
        assert!(timeline.recent_self_load.len() <= RECENT_S as usize + 1, "even without players");
        assert!(timeline.recent.len() <= RECENT_S as usize + 1);
        assert_eq!(
            (timeline.self_load().cpu_us, timeline.self_load().timer_lag.count()),
            (4990 * 1000, 4990)
        );
        let seconds = timeline.seconds();
        assert!(seconds.len() == 5000 && seconds.iter().all(|second| second.swarm_cores == 0.001));
    }

    #[test]
    fn threads_add_up_within_a_second_and_seconds_do_not() {
        let mut timeline = Timeline::new(1, 0..10);
        timeline.push(batch(vec![(1, self_load(100, 5)), (1, self_load(300, 7)), (2, self_load(200, 6))]));
        timeline.push(batch(vec![(2, self_load(900, 1)), (11, self_load(9999, 99))]));
        let sum = timeline.self_load();
        assert_eq!((sum.threads, sum.rss_bytes), (2, 12));
        assert_eq!((sum.cpu_us, sum.busiest_us), (1500, 900), "the eleventh second is not measured");
    }
}
