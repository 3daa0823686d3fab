//! A sliding window over the last samples of a link's lag, with their minimum and their 90th percentile.

/// The maximum lag in ticks; a longer lag is recorded as this one. At the highest tick rate it is two seconds, which is unplayable and far
/// more than the room rewinds.
const MAX_LAG: u32 = 255;

/// The percentile in tenths. A single late snapshot does not change it.
const PERCENTILE_TENTHS: usize = 9;

/// A window over the last lags, in ticks. Its memory is bounded: one byte per sample, and one count for each of the 256 lags.
#[derive(Clone, Debug)]
pub(super) struct LagWindow {
    /// A ring buffer of the samples.
    samples: Vec<u8>,
    /// The index of the oldest sample, which the next one replaces when the window is full.
    next: usize,
    max_samples: usize,
    /// The number of samples of each lag, indexed by lag.
    counts: Vec<u16>,
}

impl LagWindow {
    /// Creates an empty window over the last `max_samples` samples.
    pub(super) const fn new(max_samples: u32) -> Self {
        Self { samples: Vec::new(), next: 0, max_samples: max_samples as usize, counts: Vec::new() }
    }

    /// Adds a sample; a full window drops its oldest one.
    pub(super) fn push(&mut self, lag: u32) {
        let lag = lag.min(MAX_LAG);
        if self.counts.is_empty() {
            self.counts.resize(MAX_LAG as usize + 1, 0);
        }
        if self.samples.len() < self.max_samples {
            self.samples.push(lag as u8);
        } else {
            let old = std::mem::replace(&mut self.samples[self.next], lag as u8);
            self.counts[usize::from(old)] -= 1;
            self.next = (self.next + 1) % self.max_samples;
        }
        self.counts[lag as usize] += 1;
    }

    /// Returns the minimum and the 90th percentile of the samples; 0 for both before the first sample.
    pub(super) fn min_and_p90(&self) -> (u32, u32) {
        let target = (self.samples.len() * PERCENTILE_TENTHS).div_ceil(10);
        let mut min = None;
        let mut within = 0;
        for (lag, count) in (0..).zip(&self.counts) {
            if *count > 0 {
                min.get_or_insert(lag);
                within += usize::from(*count);
            }
            if within >= target {
                return (min.unwrap_or(lag), lag);
            }
        }
        (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_late_sample_does_not_change_the_percentile_and_old_samples_leave_the_window() {
        let mut lags = LagWindow::new(20);
        assert_eq!(lags.min_and_p90(), (0, 0));
        (0..19).for_each(|n| lags.push(4 + n % 2));
        lags.push(900);
        assert_eq!(lags.min_and_p90(), (4, 5));
        (0..20).for_each(|_| lags.push(9));
        assert_eq!(lags.min_and_p90(), (9, 9));
        assert_eq!(lags.samples.len(), 20, "the window does not grow");
    }
}
