//! A sliding window over a link's lags: their minimum and their 90th percentile.

/// The maximum lag in ticks; longer ones count as this one. Two seconds at the fastest rate are unplayable, and the room rewinds far
/// less.
const MAX_LAG: u32 = 255;

/// The percentile in tenths: a single late snapshot does not move it.
const PERCENTILE_TENTHS: usize = 9;

/// A window over lags, in ticks. It takes one byte per sample and a count for each lag, independent of the peer.
#[derive(Clone, Debug)]
pub(super) struct LagWindow {
    /// A ring buffer of samples.
    samples: Vec<u8>,
    /// The index of the oldest sample, which the next one replaces.
    next: usize,
    max_samples: usize,
    /// The number of samples of each lag.
    counts: Vec<u16>,
}

impl LagWindow {
    /// An empty window over the last `max_samples` samples.
    pub(super) const fn new(max_samples: u32) -> Self {
        Self { samples: Vec::new(), next: 0, max_samples: max_samples as usize, counts: Vec::new() }
    }

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

    /// The minimum and the 90th percentile; 0 for both without samples.
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
    fn a_single_late_sample_does_not_count_and_old_samples_leave_the_window() {
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
