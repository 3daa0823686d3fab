//! What a server did between two of its answers, or between many: spans add up, whatever became of the server meanwhile.

use super::server_metrics::Sample;

/// What was counted in some time. What the server does not tell is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// CPU time in seconds, and the seconds in which it was used.
    cpu: Option<(f64, f64)>,
    overruns: Option<f64>,
    slips: Option<f64>,
    /// Upper ends in seconds, ascending, and how many ticks took that and more than the end before.
    ticks: Vec<(f64, f64)>,
    /// In seconds: none without a tick, infinite where it is only known to be beyond all buckets.
    longest: Option<f64>,
}

impl Span {
    /// From one answer to the next, so many seconds later.
    ///
    /// A server that began anew in between has counted from 0, so all that it says happened since. Of its CPU time that is left out,
    /// and the time without a server with it: an average over both would be that of neither.
    pub(super) fn between(before: &Sample, after: &Sample, seconds: f64) -> Self {
        let anew = after.began_anew_since(before);
        let rose = |now: Option<f64>, then: Option<f64>| Some(now? - if anew { 0.0 } else { then? });
        let told_before = |end: f64| {
            let known = before.ticks.iter().find(|(known, _)| !anew && *known == end);
            known.map_or(0.0, |(_, count)| *count)
        };
        let ticks: Vec<_> =
            after.ticks.iter().map(|(end, count)| (*end, (count - told_before(*end)).max(0.0))).collect();
        Self {
            cpu: rose(after.cpu_seconds, before.cpu_seconds).filter(|_| !anew).map(|used| (used, seconds)),
            overruns: rose(after.overruns, before.overruns),
            slips: rose(after.slips, before.slips),
            longest: longest(&ticks, after.tick_longest_s),
            ticks,
        }
    }

    /// Adds what happened in another time.
    pub(super) fn push(&mut self, other: &Self) {
        let sum = |one: Option<f64>, other: Option<f64>| {
            if one.is_none() && other.is_none() {
                None
            } else {
                Some(one.unwrap_or(0.0) + other.unwrap_or(0.0))
            }
        };
        if let Some((used, seconds)) = other.cpu {
            let (all, whole) = self.cpu.unwrap_or_default();
            self.cpu = Some((all + used, whole + seconds));
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

    /// How many cores were busy, on average.
    pub(super) fn cores(&self) -> Option<f64> {
        self.cpu.filter(|(_, seconds)| *seconds > 0.0).map(|(used, seconds)| used / seconds)
    }

    /// Ticks that took longer than their period.
    pub(super) fn overruns(&self) -> Option<u64> {
        self.overruns.map(|count| count as u64)
    }

    /// Ticks that were let go.
    pub(super) fn slips(&self) -> Option<u64> {
        self.slips.map(|count| count as u64)
    }

    /// How long the longest tick took, at most, in milliseconds; none when there was none, or when nobody can tell.
    pub(super) fn tick_ms_max(&self) -> Option<f64> {
        self.longest.filter(|longest| longest.is_finite()).map(|longest| 1000.0 * longest)
    }

    /// How long 99 of 100 ticks took, at most, in milliseconds: linear within a bucket.
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

/// How long the longest of these ticks took, at most; none when there was none.
///
/// A histogram tells its bucket alone. What the server remembers is exact, but of its newest seconds: it counts where it lies in that
/// bucket. Else it is of an earlier span, or forgotten since, because nobody asked for some seconds; the bucket's end holds then.
fn longest(ticks: &[(f64, f64)], remembered: Option<f64>) -> Option<f64> {
    let top = ticks.iter().rposition(|(_, count)| *count > 0.0)?;
    let (end, _) = ticks.get(top)?;
    let low = top.checked_sub(1).and_then(|at| ticks.get(at)).map_or(0.0, |(low, _)| *low);
    remembered.filter(|remembered| (low..=*end).contains(remembered)).or(Some(*end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CPU seconds, overruns, and ticks of at most 1 ms, at most 2 ms, and of more.
    fn sample(cpu_seconds: f64, overruns: f64, [one, two, more]: [f64; 3]) -> Sample {
        Sample {
            cpu_seconds: Some(cpu_seconds),
            overruns: Some(overruns),
            ticks: vec![(0.001, one), (0.002, two), (f64::INFINITY, more)],
            ..Sample::default()
        }
    }

    #[test]
    fn a_span_is_what_happened_between_two_answers() {
        let before = sample(10.0, 1.0, [0.0; 3]);
        let span = Span::between(&before, &sample(12.5, 3.0, [90.0, 10.0, 0.0]), 5.0);
        assert_eq!((span.cores(), span.overruns(), span.slips()), (Some(0.5), Some(2), None));
        assert_eq!(span.tick_ms_max(), Some(2.0));
        assert!((span.tick_ms_p99().unwrap() - 1.9).abs() < 1e-9, "nine tenths into the second bucket");
    }

    #[test]
    fn what_the_server_does_not_tell_is_none() {
        let span = Span::between(&Sample::default(), &Sample::default(), 1.0);
        assert_eq!((span.cores(), span.overruns()), (None, None));
        assert_eq!((span.tick_ms_p99(), span.tick_ms_max()), (None, None));
        let idle = sample(1.0, 0.0, [5.0; 3]);
        assert_eq!(Span::between(&idle, &idle, 1.0).tick_ms_max(), None, "no room ticked");
    }

    #[test]
    fn a_tick_beyond_all_buckets_has_no_known_length() {
        let before = sample(0.0, 0.0, [0.0; 3]);
        let mut span = Span::between(&before, &sample(0.0, 0.0, [999.0, 0.0, 1.0]), 1.0);
        assert_eq!(span.tick_ms_max(), None);
        assert!(span.tick_ms_p99().is_some_and(|p99| p99 < 1.0), "nearly all were short");
        span.push(&Span::between(&before, &sample(0.0, 0.0, [9.0, 0.0, 0.0]), 1.0));
        assert_eq!(span.tick_ms_max(), None, "a short one makes it no shorter");
        let slow = Span::between(&before, &sample(0.0, 0.0, [90.0, 0.0, 10.0]), 1.0);
        assert_eq!(slow.tick_ms_p99(), None);
    }

    #[test]
    fn the_longest_tick_is_exact_where_the_server_remembers_it() {
        let before = sample(0.0, 0.0, [0.0; 3]);
        let max = |ticks, remembered| {
            let after = Sample { tick_longest_s: remembered, ..sample(0.0, 0.0, ticks) };
            Span::between(&before, &after, 1.0).tick_ms_max()
        };
        assert_eq!(max([9.0, 1.0, 0.0], Some(0.0015)), Some(1.5));
        assert_eq!(max([9.0, 1.0, 1.0], Some(0.125)), Some(125.0), "beyond all buckets as well");
        assert_eq!(max([9.0, 1.0, 0.0], Some(0.3)), Some(2.0), "that was an earlier one");
        assert_eq!(max([9.0, 1.0, 0.0], Some(0.0005)), Some(2.0), "it has forgotten it");
        assert_eq!(max([9.0, 1.0, 1.0], Some(0.0005)), None, "forgotten, and beyond all buckets");
        assert_eq!(max([0.0; 3], Some(0.3)), None, "no room ticked");
    }

    #[test]
    fn a_server_that_began_anew_is_measured_on_either_side() {
        let samples = [
            sample(100.0, 5.0, [900.0, 0.0, 0.0]),
            sample(101.0, 7.0, [930.0, 0.0, 0.0]),
            sample(0.2, 1.0, [20.0, 4.0, 0.0]),
            sample(1.2, 2.0, [50.0, 4.0, 0.0]),
        ];
        let mut all = Span::default();
        samples.windows(2).for_each(|pair| all.push(&Span::between(&pair[0], &pair[1], 2.0)));
        assert_eq!(all.cores(), Some(0.5), "the time without a server is left out");
        assert_eq!(all.overruns(), Some(2 + 1 + 1));
        assert_eq!(all.tick_ms_max(), Some(2.0));
        assert!(all.tick_ms_p99().is_some_and(|p99| p99 > 1.0), "4 of 84 took longer");
    }
}
