//! All that was counted in a run, by second and in total.

use std::{collections::BTreeMap, ops::Range};

use super::{Batch, Row, Vitals};
use crate::{
    hostile::HostileRecord,
    report::{Percentiles, Second, round},
};

/// For how many seconds a second's distributions are kept: whatever is said of it later counts in the totals alone. A seat is held
/// for 30 s, and an answer that came later than that was not one.
const KEPT_S: u32 = 60;

/// Everything that is kept of what happened, at most.
const INCIDENTS: usize = 256;

/// A run's counts.
#[derive(Debug)]
pub struct Timeline {
    /// The seconds that rates and distributions are over.
    measured: Range<u32>,
    groups: Vec<Totals>,
    all: Totals,
    /// The newest seconds, whole.
    recent: BTreeMap<u32, Row>,
    /// Those before, as they are plotted.
    seconds: Vec<Second>,
    /// Of the measured part.
    vitals: Vitals,
    /// Those of the newest seconds.
    recent_vitals: BTreeMap<u32, Vitals>,
    hostile: BTreeMap<String, HostileRecord>,
    incidents: Vec<(u64, String)>,
    newest: u32,
    tick_hz: u32,
    playing: u64,
    over: u64,
}

/// What a group of bots counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// In the whole run.
    pub whole: Row,
    /// In the measured part of it.
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
    /// An empty one for so many groups, whose rates and distributions are over these seconds.
    #[must_use]
    pub fn new(groups: usize, measured: Range<u32>) -> Self {
        Self {
            measured,
            groups: vec![Totals::default(); groups],
            all: Totals::default(),
            recent: BTreeMap::new(),
            seconds: Vec::new(),
            vitals: Vitals::default(),
            recent_vitals: BTreeMap::new(),
            hostile: BTreeMap::new(),
            incidents: Vec::new(),
            newest: 0,
            tick_hz: 0,
            playing: 0,
            over: 0,
        }
    }

    /// Adds what a thread or an agent hands over.
    pub fn push(&mut self, batch: Batch) {
        for (second, group, row) in batch.rows {
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
        for (second, vitals) in batch.vitals {
            self.push_vitals(second, &vitals);
        }
        for (kind, record) in batch.hostile {
            self.hostile.entry(kind).or_default().merge(&record);
        }
        self.tick_hz = self.tick_hz.max(batch.tick_hz);
        (self.playing, self.over) = (batch.playing, batch.over);
        for (at, what) in batch.incidents {
            self.push_incident(at, what);
        }
        self.condense(self.newest.saturating_sub(KEPT_S));
    }

    /// Steps a second in the rooms that bots joined; 0 when none did.
    #[must_use]
    pub const fn tick_hz(&self) -> u32 {
        self.tick_hz
    }

    /// Bots on a seat, and bots that will do nothing more, when the newest batch was made.
    #[must_use]
    pub const fn present(&self) -> (u64, u64) {
        (self.playing, self.over)
    }

    /// What all bots counted.
    #[must_use]
    pub const fn all(&self) -> &Totals {
        &self.all
    }

    /// What each group counted.
    #[must_use]
    pub fn groups(&self) -> &[Totals] {
        &self.groups
    }

    /// What the swarm cost in the measured part, and the greatest of its threads' busiest seconds.
    #[must_use]
    pub const fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// What hostile bots did, by kind.
    #[must_use]
    pub const fn hostile(&self) -> &BTreeMap<String, HostileRecord> {
        &self.hostile
    }

    /// What happened, in order, and how many milliseconds after the start.
    #[must_use]
    pub fn incidents(&self) -> &[(u64, String)] {
        &self.incidents
    }

    /// The newest second that has passed whole and of which everybody has told, as it is known by now.
    #[must_use]
    pub fn latest(&self) -> Option<Second> {
        let (&second, _) = self.recent_vitals.range(..self.newest).next_back()?;
        Some(self.summarise(second, &self.recent.get(&second).cloned().unwrap_or_default()))
    }

    /// All seconds, as they are plotted.
    #[must_use]
    pub fn seconds(mut self) -> Vec<Second> {
        self.condense(self.newest + 1);
        self.seconds
    }

    fn push_vitals(&mut self, second: u32, vitals: &Vitals) {
        // Memory and threads add up within a second, and of all seconds it is the greatest that counts.
        let (mut rss, mut threads) = (vitals.rss_bytes, vitals.threads);
        // Of a second long past, the totals alone hear.
        if second as usize >= self.seconds.len() {
            let known = self.recent_vitals.entry(second).or_default();
            known.merge(vitals);
            (rss, threads) = (known.rss_bytes, known.threads);
        }
        if self.measured.contains(&second) {
            let sum = &mut self.vitals;
            (rss, threads) = (rss.max(sum.rss_bytes), threads.max(sum.threads));
            sum.merge(vitals);
            (sum.rss_bytes, sum.threads) = (rss, threads);
        }
        // Seconds in which nobody plays pass as well.
        self.newest = self.newest.max(second);
    }

    /// The same news of many bots is told once, when it was first heard.
    fn push_incident(&mut self, at: u64, what: String) {
        if let Some((first, _)) = self.incidents.iter_mut().find(|(_, told)| *told == what) {
            *first = at.min(*first);
        } else if self.incidents.len() < INCIDENTS {
            self.incidents.push((at, what));
        }
        self.incidents.sort();
    }

    fn condense(&mut self, before: u32) {
        for second in self.seconds.len() as u32..before {
            let row = self.recent.remove(&second).unwrap_or_default();
            let summary = self.summarise(second, &row);
            self.recent_vitals.remove(&second);
            self.seconds.push(summary);
        }
    }

    fn summarise(&self, at_s: u32, row: &Row) -> Second {
        let counts = &row.counts;
        let mut lag = row.lag.quantile(0.99);
        let mut swarm_cores = 0.0;
        if let Some(vitals) = self.recent_vitals.get(&at_s) {
            lag = lag.max(vitals.beat.quantile(0.99));
            swarm_cores = vitals.cpu_us as f64 / 1e6;
        }
        Second {
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
            frozen_percent: percent(counts.frozen, counts.looks),
            bytes_down: counts.bytes_down,
            bytes_up: counts.bytes_up,
            lag_ms_p99: lag as f64 / 1000.0,
            swarm_cores: round(swarm_cores),
            server: None,
        }
    }
}

/// The share of a part, in per cent; of nothing there is none.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| round(100.0 * part as f64 / whole as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals(cpu_us: u64, rss_bytes: u64) -> Vitals {
        let mut beat = crate::measure::Distribution::default();
        beat.record(cpu_us, 1);
        Vitals { beat, cpu_us, busiest_us: cpu_us, rss_bytes, threads: 1 }
    }

    fn batch(vitals: Vec<(u32, Vitals)>) -> Batch {
        Batch { vitals, ..Batch::default() }
    }

    #[test]
    fn a_run_of_days_keeps_a_minute_whole() {
        let mut timeline = Timeline::new(1, 10..5000);
        for second in 0..5000 {
            timeline.push(batch(vec![(second, vitals(1000, 5))]));
        }
        assert!(timeline.recent_vitals.len() <= KEPT_S as usize + 1, "even where nobody plays");
        assert!(timeline.recent.len() <= KEPT_S as usize + 1);
        assert_eq!((timeline.vitals().cpu_us, timeline.vitals().beat.count()), (4990 * 1000, 4990));
        let seconds = timeline.seconds();
        assert!(seconds.len() == 5000 && seconds.iter().all(|second| second.swarm_cores == 0.001));
    }

    #[test]
    fn threads_add_up_within_a_second_and_seconds_do_not() {
        let mut timeline = Timeline::new(1, 0..10);
        timeline.push(batch(vec![(1, vitals(100, 5)), (1, vitals(300, 7)), (2, vitals(200, 6))]));
        timeline.push(batch(vec![(2, vitals(900, 1)), (11, vitals(9999, 99))]));
        let sum = timeline.vitals();
        assert_eq!((sum.threads, sum.rss_bytes), (2, 12));
        assert_eq!((sum.cpu_us, sum.busiest_us), (1500, 900), "the eleventh second is not measured");
    }
}
