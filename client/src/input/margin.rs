//! How early inputs should come: just early enough that the server finds each on its tick.
//!
//! Too late, and the server makes up an input, which shows as a correction. Too early, and everything that a player does
//! takes longer to happen. Two things make inputs late, and each has its term: jitter, which every margin that the server tells
//! measures, and loss, which shows only in ticks that found no input: what one datagram lost, the next one brings a tick later.

use std::time::Duration;

use quarrel_shared::tick::TickRate;

/// What the margin should be on a link without jitter, in ticks: the grain of timers on both ends, with room to spare.
pub const MARGIN_LEAST: f64 = 0.25;

/// How much of the margin's deviation is added to it. Evenly spread delays stray by two mean deviations at most, those of
/// real links now and then by more.
const DEVIATIONS: f64 = 3.0;

/// The most that is kept in reserve for loss. Every millisecond of it makes the past longer that a shot is judged in, and that
/// is bounded too.
const RESERVE_MOST: Duration = Duration::from_millis(100);

/// A run of ticks without input that is longer than this is a black-out, which no margin outlasts.
const BLACK_OUT: Duration = Duration::from_millis(250);

/// How long the reserve takes to fall to a third while nothing is lost. One lost burst in half as long keeps it up.
const RESERVE_FADE: Duration = Duration::from_secs(60);

/// How early inputs come, and how early they should.
#[derive(Clone, Debug)]
pub struct Margin {
    /// Smoothed as a round trip is in RFC 6298, in ticks.
    mean: f64,
    deviation: f64,
    reserve: Reserve,
}

/// What is added for loss.
#[derive(Clone, Copy, Debug)]
struct Reserve {
    ticks: f64,
    most: f64,
    /// How many ticks in a row found no input so far.
    run: u32,
    longest_run: u32,
    /// What is left of it after a tick without loss.
    fade: f64,
}

impl Margin {
    /// Before anything was heard, at this rate of snapshots a second.
    #[must_use]
    pub fn new(rate: TickRate) -> Self {
        let in_ticks = |time: Duration| time.as_secs_f64() * f64::from(rate.hz());
        let reserve = Reserve {
            ticks: 0.0,
            most: in_ticks(RESERVE_MOST),
            run: 0,
            longest_run: in_ticks(BLACK_OUT).ceil() as u32,
            fade: 1.0 - 1.0 / in_ticks(RESERVE_FADE),
        };
        Self { mean: MARGIN_LEAST, deviation: 0.0, reserve }
    }

    /// The schedule was set anew: what was measured of the old one is void, what is known of the link is not.
    pub fn restart(&mut self) {
        self.mean = self.wanted();
        self.reserve.run = 0;
    }

    /// The newest input came so early, in ticks.
    pub fn push(&mut self, early: f64) {
        self.deviation += ((early - self.mean).abs() - self.deviation) / 16.0;
        self.mean += (early - self.mean) / 8.0;
    }

    /// So many ticks were made since the last news, the newest of which found its input or did not. Of those between nothing is
    /// known: they are taken to have fared as it did. A run that ends between two news goes unseen, another one is counted longer
    /// than it was, and over time these make up for each other.
    pub fn ticks(&mut self, passed: u32, found: bool) {
        let reserve = &mut self.reserve;
        if !found {
            reserve.run = reserve.run.saturating_add(passed);
            return;
        }
        if (1..=reserve.longest_run).contains(&reserve.run) {
            // As many ticks earlier, and the repetition would have been in time.
            reserve.ticks = (reserve.ticks + f64::from(reserve.run)).min(reserve.most);
        }
        reserve.run = 0;
        reserve.ticks *= reserve.fade.powf(f64::from(passed));
    }

    /// How early they should come, in ticks.
    #[must_use]
    pub fn wanted(&self) -> f64 {
        MARGIN_LEAST + DEVIATIONS * self.deviation + self.reserve.ticks
    }

    /// How much earlier than wanted they come, in ticks; negative when later.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.mean - self.wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margin() -> Margin {
        Margin::new(TickRate::DEFAULT)
    }

    #[test]
    fn the_margin_follows_jitter() {
        let mut quiet = margin();
        let mut wild = margin();
        for n in 0..300 {
            quiet.push(0.3);
            wild.push(if n % 2 == 0 { 0.2 } else { 1.4 });
        }
        assert!(quiet.wanted() < 0.4, "{} ticks without jitter", quiet.wanted());
        assert!(wild.wanted() > 1.5, "{} ticks at over a tick of jitter", wild.wanted());
    }

    #[test]
    fn lost_inputs_raise_it_and_a_minute_without_lets_it_fall() {
        let mut margin = margin();
        for _ in 0..4 {
            margin.ticks(1, false);
            margin.ticks(1, true);
        }
        let raised = margin.wanted();
        assert!(raised > MARGIN_LEAST + 1.5, "{raised} ticks after four losses");
        (0..30 * 60).for_each(|_| margin.ticks(1, true));
        assert!(margin.wanted() < MARGIN_LEAST + (raised - MARGIN_LEAST) / 2.0);
    }

    #[test]
    fn a_black_out_teaches_nothing() {
        let mut margin = margin();
        (0..60).for_each(|_| margin.ticks(1, false));
        margin.ticks(1, true);
        assert!(margin.wanted() < MARGIN_LEAST + 0.01, "{} ticks", margin.wanted());
    }

    #[test]
    fn the_reserve_is_bounded() {
        let mut margin = margin();
        for _ in 0..1000 {
            margin.ticks(1, false);
            margin.ticks(1, true);
        }
        assert!(margin.wanted() <= MARGIN_LEAST + 3.0, "{} ticks are more than 100 ms", margin.wanted());
    }

    #[test]
    fn with_news_of_every_fourth_tick_loss_weighs_and_fades_as_with_news_of_each() {
        let (mut each, mut fourth) = (margin(), margin());
        each.ticks(1, false);
        each.ticks(1, false);
        each.ticks(1, true);
        fourth.ticks(2, false);
        fourth.ticks(1, true);
        assert!((each.wanted() - fourth.wanted()).abs() < 0.01, "a run of two is two ticks of reserve");
        (0..1200).for_each(|_| each.ticks(1, true));
        (0..300).for_each(|_| fourth.ticks(4, true));
        assert!((each.wanted() - fourth.wanted()).abs() < 0.01, "{} and {}", each.wanted(), fourth.wanted());
    }

    #[test]
    fn a_black_out_teaches_nothing_where_snapshots_are_rare() {
        let mut margin = margin();
        (0..3).for_each(|_| margin.ticks(4, false));
        margin.ticks(4, true);
        assert!(margin.wanted() < MARGIN_LEAST + 0.01, "{} ticks", margin.wanted());
    }
}
