//! How a client tells that the server let time slip: news in a row that all lie off by more than any jitter, and agree by how much.
//!
//! A server that stood still makes up for a few ticks and lets the rest go. From its first snapshot after that, its ticks lie that much
//! later than its players reckon with, and stay there. What a bad link does looks different: it holds snapshots up and lets them go all
//! at once, or in a queue that drains and so gets quicker from one to the next.
//!
//! Pure: moments are given, as the time since any epoch that the caller keeps to.

use std::time::Duration;

/// What is off by less, in seconds, is no slip to anybody: stretching takes it away, and it may be jitter.
pub(crate) const LEAST_S: f64 = 0.1;

/// For how long news must agree, in seconds. What comes late after a black-out comes all at once.
const AGREE_S: f64 = 0.1;

/// How much of it there must be, where snapshots are rare.
const AGREE_LEAST: u32 = 3;

/// How far from the first of them the others may lie, in seconds. A queue that drains gets quicker than that.
const AGREE_BAND_S: f64 = 0.1;

/// News in a row that lies off.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suspicion {
    heard: u32,
    since: Duration,
    first_s: f64,
    least_s: f64,
}

/// What news agree on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slip {
    /// When the first of them came.
    pub(crate) since: Duration,
    /// By how much the one that is off least is off, in seconds.
    pub(crate) least_s: f64,
}

impl Suspicion {
    /// More news, which is off by so much; whether that `is_off` more than usual is for the caller to say. Gives what they agree on,
    /// once they do.
    pub(crate) fn push(&mut self, now: Duration, off_s: f64, is_off: bool) -> Option<Slip> {
        if !is_off {
            *self = Self::default();
            return None;
        }
        if self.heard == 0 || (off_s - self.first_s).abs() > AGREE_BAND_S {
            *self = Self { heard: 1, since: now, first_s: off_s, least_s: off_s };
            return None;
        }
        self.heard += 1;
        self.least_s = self.least_s.min(off_s);
        let is_lasting = (now - self.since).as_secs_f64() >= AGREE_S && self.heard >= AGREE_LEAST;
        is_lasting.then(|| {
            let Self { since, least_s, .. } = std::mem::take(self);
            Slip { since, least_s }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of news that come so many milliseconds after the first, each off by so many.
    fn told(news: &[(u64, f64)]) -> Option<Slip> {
        let mut suspicion = Suspicion::default();
        let mut told = news.iter().map(|(at_ms, off_ms)| {
            suspicion.push(Duration::from_millis(*at_ms), off_ms / 1000.0, *off_ms > 100.0)
        });
        told.find_map(|slip| slip)
    }

    #[test]
    fn news_that_agree_for_a_tenth_of_a_second_tell_of_a_slip_of_the_least_of_them() {
        let slip = told(&[(0, 20.0), (33, 390.0), (66, 370.0), (99, 380.0), (133, 400.0)]);
        assert_eq!(slip, Some(Slip { since: Duration::from_millis(33), least_s: 0.37 }));
    }

    #[test]
    fn a_burst_and_a_queue_that_drains_and_a_single_straggler_tell_of_none() {
        assert_eq!(told(&[(0, 400.0), (1, 390.0), (2, 380.0), (3, 350.0), (33, 10.0)]), None);
        assert_eq!(told(&[(0, 500.0), (33, 380.0), (66, 260.0), (99, 140.0), (133, 20.0)]), None);
        assert_eq!(told(&[(0, 400.0), (200, 0.0), (400, 400.0), (600, 0.0)]), None);
    }

    #[test]
    fn rare_news_must_be_three() {
        assert_eq!(told(&[(0, 400.0), (500, 400.0)]), None);
        assert!(told(&[(0, 400.0), (500, 400.0), (1000, 400.0)]).is_some());
    }
}
