//! Detects a slip: a lasting offset of the server's time, because the server skipped ticks after a stall.
//!
//! A server that stalled catches up on a few ticks and skips the others. From the first snapshot after that, the server's ticks are later
//! than the client expects by the skipped time, and stay so. A slip is detected when consecutive samples (one per snapshot) are all off
//! by more than any jitter, and by the same amount. A bad link looks different: it delays snapshots and releases them all at once, or as
//! a queue that drains, in which each snapshot is less late than the one before.
//!
//! Has no clock and no I/O: times are durations since an epoch of the caller's choice.

use std::time::Duration;

/// The minimum offset of a slip, in seconds. A smaller offset may be jitter, and stretching the clock removes it.
pub(crate) const MIN_SLIP_S: f64 = 0.1;

/// The time for which samples must agree, in seconds. Snapshots that a black-out (an interruption of the link) delayed arrive within a
/// shorter time.
const MIN_AGREEMENT_S: f64 = 0.1;

/// The minimum number of samples that must agree, for rooms where snapshots are rare.
const MIN_SAMPLES: u32 = 3;

/// The maximum difference of a sample from the first one, in seconds. The samples of a draining queue differ by more.
const AGREEMENT_BAND_S: f64 = 0.1;

/// A detector of slips: counts the consecutive samples that agree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlipDetector {
    samples: u32,
    /// The arrival of the first of these samples.
    since: Duration,
    /// The offset of the first of these samples, in seconds.
    first_s: f64,
    /// The smallest offset of these samples, in seconds.
    min_s: f64,
}

/// A detected slip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slip {
    /// The arrival of the first sample that shows the slip.
    pub(crate) since: Duration,
    /// The smallest offset of the samples that show the slip, in seconds.
    pub(crate) offset_s: f64,
}

impl SlipDetector {
    /// Adds a sample with its offset in seconds. `is_off` is whether the caller regards the offset as larger than jitter; if not, the
    /// detection starts again. It also starts again with a sample outside of [`AGREEMENT_BAND_S`], as the first one. Returns the slip
    /// once enough samples agree.
    pub(crate) fn push(&mut self, now: Duration, off_s: f64, is_off: bool) -> Option<Slip> {
        if !is_off {
            *self = Self::default();
            return None;
        }
        if self.samples == 0 || (off_s - self.first_s).abs() > AGREEMENT_BAND_S {
            *self = Self { samples: 1, since: now, first_s: off_s, min_s: off_s };
            return None;
        }
        self.samples += 1;
        self.min_s = self.min_s.min(off_s);
        let is_lasting = (now - self.since).as_secs_f64() >= MIN_AGREEMENT_S && self.samples >= MIN_SAMPLES;
        is_lasting.then(|| {
            let Self { since, min_s, .. } = std::mem::take(self);
            Slip { since, offset_s: min_s }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the slip that is detected in samples of an arrival time and an offset, both in milliseconds.
    fn detect(samples: &[(u64, f64)]) -> Option<Slip> {
        let mut detector = SlipDetector::default();
        let mut slips = samples.iter().map(|(at_ms, off_ms)| {
            detector.push(Duration::from_millis(*at_ms), off_ms / 1000.0, *off_ms > 100.0)
        });
        slips.find_map(|slip| slip)
    }

    #[test]
    fn samples_that_agree_for_a_tenth_of_a_second_are_a_slip_of_their_minimum() {
        let slip = detect(&[(0, 20.0), (33, 390.0), (66, 370.0), (99, 380.0), (133, 400.0)]);
        assert_eq!(slip, Some(Slip { since: Duration::from_millis(33), offset_s: 0.37 }));
    }

    #[test]
    fn a_burst_a_draining_queue_and_single_late_samples_are_not_a_slip() {
        assert_eq!(detect(&[(0, 400.0), (1, 390.0), (2, 380.0), (3, 350.0), (33, 10.0)]), None);
        assert_eq!(detect(&[(0, 500.0), (33, 380.0), (66, 260.0), (99, 140.0), (133, 20.0)]), None);
        assert_eq!(detect(&[(0, 400.0), (200, 0.0), (400, 400.0), (600, 0.0)]), None);
    }

    #[test]
    fn rare_samples_are_a_slip_only_once_three_agree() {
        assert_eq!(detect(&[(0, 400.0), (500, 400.0)]), None);
        assert!(detect(&[(0, 400.0), (500, 400.0), (1000, 400.0)]).is_some());
    }
}
