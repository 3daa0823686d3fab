//! The change of a server's metrics between two scrapes. Changes can be added up, also across a restart of the server.

use super::metrics::MetricsSample;

/// The change of the metrics over one or more intervals between scrapes; `None` for metrics that the server does not export.
#[derive(Clone, Debug, Default)]
pub(super) struct SampleDelta {
    /// CPU time, and the wall time over which it was used, both in seconds.
    cpu: Option<(f64, f64)>,
    overruns: Option<f64>,
    slips: Option<f64>,
    /// The histogram of tick durations: upper bounds in seconds, ascending, each with its own count.
    ticks: Vec<(f64, f64)>,
    /// Upper bound of the longest tick in seconds; `None` without a tick, infinite for a tick beyond all buckets of unknown length.
    longest: Option<f64>,
}

impl SampleDelta {
    /// Computes the change from one sample to the next, `seconds` later.
    ///
    /// A restarted server counts from 0, so the values of its counters are the change since the restart. CPU time is the exception: an
    /// interval with a restart adds neither CPU time nor wall time, because an average over time with and without a server is wrong for
    /// both.
    pub(super) fn between(before: &MetricsSample, after: &MetricsSample, seconds: f64) -> Self {
        let restarted = after.is_after_restart(before);
        let increase = |now: Option<f64>, then: Option<f64>| Some(now? - if restarted { 0.0 } else { then? });
        let count_before = |end: f64| {
            let known = before.ticks.iter().find(|(known, _)| !restarted && *known == end);
            known.map_or(0.0, |(_, count)| *count)
        };
        let ticks: Vec<_> =
            after.ticks.iter().map(|(end, count)| (*end, (count - count_before(*end)).max(0.0))).collect();
        Self {
            cpu: increase(after.cpu_seconds, before.cpu_seconds)
                .filter(|_| !restarted)
                .map(|used| (used, seconds)),
            overruns: increase(after.overruns, before.overruns),
            slips: increase(after.slips, before.slips),
            longest: longest(&ticks, after.tick_longest_s),
            ticks,
        }
    }

    /// Adds the change over another interval.
    pub(super) fn push(&mut self, other: &Self) {
        let sum = |one: Option<f64>, other: Option<f64>| {
            if one.is_none() && other.is_none() {
                None
            } else {
                Some(one.unwrap_or(0.0) + other.unwrap_or(0.0))
            }
        };
        if let Some((used, seconds)) = other.cpu {
            let (total_used, total_seconds) = self.cpu.unwrap_or_default();
            self.cpu = Some((total_used + used, total_seconds + seconds));
        }
        self.overruns = sum(self.overruns, other.overruns);
        self.slips = sum(self.slips, other.slips);
        for (end, count) in &other.ticks {
            match self.ticks.binary_search_by(|(known, _)| known.total_cmp(end)) {
                Ok(at) => self.ticks[at].1 += count,
                Err(at) => self.ticks.insert(at, (*end, *count)),
            }
        }
        self.longest = self.longest.into_iter().chain(other.longest).reduce(f64::max);
    }

    /// Returns the average number of busy cores.
    pub(super) fn cores(&self) -> Option<f64> {
        self.cpu.filter(|(_, seconds)| *seconds > 0.0).map(|(used, seconds)| used / seconds)
    }

    /// Returns the number of ticks that took longer than their period.
    pub(super) fn overruns(&self) -> Option<u64> {
        self.overruns.map(|count| count as u64)
    }

    /// Returns the number of skipped ticks.
    pub(super) fn slips(&self) -> Option<u64> {
        self.slips.map(|count| count as u64)
    }

    /// Returns the upper bound of the longest tick, in milliseconds; `None` without a tick, or when the bound is unknown.
    pub(super) fn tick_ms_max(&self) -> Option<f64> {
        self.longest.filter(|longest| longest.is_finite()).map(|longest| 1000.0 * longest)
    }

    /// Returns the 99th percentile of the tick duration in milliseconds, interpolated linearly within its bucket; `None` without a tick, or
    /// when the bucket has no known upper bound.
    pub(super) fn tick_ms_p99(&self) -> Option<f64> {
        let rank = 0.99 * self.ticks.iter().map(|(_, count)| count).sum::<f64>();
        let (mut low, mut below) = (0.0, 0.0);
        for (end, count) in &self.ticks {
            if below + count >= rank && *count > 0.0 {
                let end = self.longest.map_or(*end, |longest| longest.min(*end));
                return end.is_finite().then(|| 1000.0 * (low + (end - low) * (rank - below) / count));
            }
            (low, below) = (*end, below + count);
        }
        None
    }
}

/// Returns the upper bound of the longest of these ticks, in seconds; `None` without a tick.
///
/// The histogram gives only the bucket of the longest tick. `remembered`, the longest tick that the server remembers, is exact but covers
/// the server's last seconds. If it lies in that bucket, it is returned. Otherwise it belongs to an earlier interval, or the server has
/// forgotten the tick because no scrape came for some seconds; then the bucket's upper bound is returned.
fn longest(ticks: &[(f64, f64)], remembered: Option<f64>) -> Option<f64> {
    let top = ticks.iter().rposition(|(_, count)| *count > 0.0)?;
    let (end, _) = ticks.get(top)?;
    let low = top.checked_sub(1).and_then(|at| ticks.get(at)).map_or(0.0, |(low, _)| *low);
    remembered.filter(|remembered| (low..=*end).contains(remembered)).or(Some(*end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample with CPU seconds, overruns, and ticks of at most 1 ms, at most 2 ms, and more.
    fn sample(cpu_seconds: f64, overruns: f64, [one, two, more]: [f64; 3]) -> MetricsSample {
        MetricsSample {
            cpu_seconds: Some(cpu_seconds),
            overruns: Some(overruns),
            ticks: vec![(0.001, one), (0.002, two), (f64::INFINITY, more)],
            ..MetricsSample::default()
        }
    }

    #[test]
    fn a_delta_is_the_change_between_two_samples() {
        let before = sample(10.0, 1.0, [0.0; 3]);
        let delta = SampleDelta::between(&before, &sample(12.5, 3.0, [90.0, 10.0, 0.0]), 5.0);
        assert_eq!((delta.cores(), delta.overruns(), delta.slips()), (Some(0.5), Some(2), None));
        assert_eq!(delta.tick_ms_max(), Some(2.0));
        assert!((delta.tick_ms_p99().unwrap() - 1.9).abs() < 1e-9, "nine tenths into the second bucket");
    }

    #[test]
    fn a_metric_that_is_not_exported_has_no_delta() {
        let delta = SampleDelta::between(&MetricsSample::default(), &MetricsSample::default(), 1.0);
        assert_eq!((delta.cores(), delta.overruns()), (None, None));
        assert_eq!((delta.tick_ms_p99(), delta.tick_ms_max()), (None, None));
        let idle = sample(1.0, 0.0, [5.0; 3]);
        assert_eq!(SampleDelta::between(&idle, &idle, 1.0).tick_ms_max(), None, "no room ticked");
    }

    #[test]
    fn a_tick_beyond_all_buckets_has_no_known_length() {
        let before = sample(0.0, 0.0, [0.0; 3]);
        let mut delta = SampleDelta::between(&before, &sample(0.0, 0.0, [999.0, 0.0, 1.0]), 1.0);
        assert_eq!(delta.tick_ms_max(), None);
        assert!(delta.tick_ms_p99().is_some_and(|p99| p99 < 1.0), "nearly all were short");
        delta.push(&SampleDelta::between(&before, &sample(0.0, 0.0, [9.0, 0.0, 0.0]), 1.0));
        assert_eq!(delta.tick_ms_max(), None, "a later short tick does not hide it");
        let slow = SampleDelta::between(&before, &sample(0.0, 0.0, [90.0, 0.0, 10.0]), 1.0);
        assert_eq!(slow.tick_ms_p99(), None);
    }

    #[test]
    fn the_longest_tick_is_exact_where_the_server_remembers_it() {
        let before = sample(0.0, 0.0, [0.0; 3]);
        let max = |ticks, remembered| {
            let after = MetricsSample { tick_longest_s: remembered, ..sample(0.0, 0.0, ticks) };
            SampleDelta::between(&before, &after, 1.0).tick_ms_max()
        };
        assert_eq!(max([9.0, 1.0, 0.0], Some(0.0015)), Some(1.5));
        assert_eq!(max([9.0, 1.0, 1.0], Some(0.125)), Some(125.0), "beyond all buckets as well");
        assert_eq!(max([9.0, 1.0, 0.0], Some(0.3)), Some(2.0), "that tick is of an earlier interval");
        assert_eq!(max([9.0, 1.0, 0.0], Some(0.0005)), Some(2.0), "the server has forgotten it");
        assert_eq!(max([9.0, 1.0, 1.0], Some(0.0005)), None, "forgotten, and beyond all buckets");
        assert_eq!(max([0.0; 3], Some(0.3)), None, "no room ticked");
    }

    #[test]
    fn a_restarted_server_is_measured_before_and_after() {
        let samples = [
            sample(100.0, 5.0, [900.0, 0.0, 0.0]),
            sample(101.0, 7.0, [930.0, 0.0, 0.0]),
            sample(0.2, 1.0, [20.0, 4.0, 0.0]),
            sample(1.2, 2.0, [50.0, 4.0, 0.0]),
        ];
        let mut all = SampleDelta::default();
        samples.windows(2).for_each(|pair| all.push(&SampleDelta::between(&pair[0], &pair[1], 2.0)));
        assert_eq!(all.cores(), Some(0.5), "the time without a server is left out");
        assert_eq!(all.overruns(), Some(2 + 1 + 1));
        assert_eq!(all.tick_ms_max(), Some(2.0));
        assert!(all.tick_ms_p99().is_some_and(|p99| p99 > 1.0), "4 of 84 took longer");
    }
}
