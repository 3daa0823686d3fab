//! Downsampling of the seconds that a page contains: all of them for a run of up to two hours, and representative ones for a longer run.
//!
//! A week has 600,000 seconds: some 100 MB, too much for a browser and for the pixels of a screen. The JSON report has all of them.

use std::{borrow::Cow, cmp::Ordering};

use crate::report::{Report, SecondFigures};

/// Maximum number of seconds in a page.
pub(super) const MAX_SECONDS: usize = 7200;

/// The figures whose peaks are kept, even if a peak lasted for one second.
const PEAKS: [fn(&SecondFigures) -> Option<f64>; 5] = [
    |second| second.input_ack_ms.map(|times| times.max),
    |second| second.snapshot_gap_ms.map(|times| times.max),
    |second| second.frozen_percent,
    |second| second.server?.tick_ms_max,
    |second| Some(second.lag_ms_p99),
];

/// Returns the report, with fewer seconds if it has more than [`MAX_SECONDS`]: the seconds are divided into stretches of equal length, and
/// of each stretch the first second and the peak of each figure in [`PEAKS`] are kept.
pub(super) fn downsampled(report: &Report) -> Cow<'_, Report> {
    let seconds = &report.series;
    if seconds.len() <= MAX_SECONDS {
        return Cow::Borrowed(report);
    }
    let stretch = seconds.len().div_ceil(MAX_SECONDS / (1 + PEAKS.len()));
    let series = seconds.chunks(stretch).flat_map(representatives).cloned().collect();
    Cow::Owned(Report { series, ..report.clone() })
}

/// Returns the representative seconds of one stretch, in order.
fn representatives(stretch: &[SecondFigures]) -> Vec<&SecondFigures> {
    let worst = |peak: &fn(&SecondFigures) -> Option<f64>| {
        let order = |one: &&SecondFigures, other: &&SecondFigures| {
            peak(one).partial_cmp(&peak(other)).unwrap_or(Ordering::Equal)
        };
        stretch.iter().max_by(order)
    };
    let mut kept: Vec<_> = stretch.first().into_iter().chain(PEAKS.iter().filter_map(worst)).collect();
    kept.sort_by_key(|second| second.at_s);
    kept.dedup_by_key(|second| second.at_s);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, ServerSecond};

    fn report(seconds: u32) -> Report {
        let series = (0..seconds).map(|at_s| SecondFigures { at_s, ..SecondFigures::default() }).collect();
        Report { joined: 7, series, ..Report::default() }
    }

    #[test]
    fn two_hours_are_kept_completely() {
        let report = report(MAX_SECONDS as u32);
        assert_eq!(*downsampled(&report), report);
    }

    #[test]
    fn a_week_keeps_all_its_peaks() {
        let mut week = report(7 * 86_400);
        let times = Some(Percentiles { max: 900.0, ..Percentiles::default() });
        week.series[123_456].input_ack_ms = times;
        week.series[123_458].snapshot_gap_ms = times;
        week.series[123_460].server =
            Some(ServerSecond { tick_ms_max: Some(90.0), ..ServerSecond::default() });
        week.series[500_001].frozen_percent = Some(1.0);
        week.series[604_799].lag_ms_p99 = 3.0;
        let thin = downsampled(&week);
        assert!((MAX_SECONDS / 8..=MAX_SECONDS).contains(&thin.series.len()), "{}", thin.series.len());
        for at_s in [0, 123_456, 123_458, 123_460, 500_001, 604_799] {
            assert!(thin.series.iter().any(|second| second.at_s == at_s), "second {at_s}");
        }
        assert!(thin.series.is_sorted_by_key(|second| second.at_s));
        assert_eq!((thin.joined, week.series.len()), (7, 604_800), "only the seconds change");
    }
}
