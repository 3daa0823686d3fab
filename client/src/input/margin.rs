//! The input margin: the time by which inputs arrive at the server before the server uses them, and the target for that time.
//!
//! If an input arrives too late, the server substitutes another one, which the player sees as a correction. If inputs arrive earlier
//! than necessary, everything that a player does takes longer to happen. The target is
//!
//! ```text
//! target = MIN_MARGIN_TICKS + DEVIATIONS * deviation + reserve      (ticks)
//! ```
//!
//! `deviation` covers jitter: it is the mean deviation of the margins that the server reports. `reserve` covers loss. A lost input does
//! not change the reported margin, because the next datagram repeats the input one tick later: loss shows as ticks without an input.

use std::time::Duration;

use quarrel_shared::tick::TickRate;

/// The target on a link without jitter and loss, in ticks: more than the granularity of the timers on both ends.
pub(crate) const MIN_MARGIN_TICKS: f64 = 0.25;

/// The number of mean deviations in the target. Uniformly distributed delays deviate by two mean deviations at most, the delays of real
/// links occasionally by more.
const DEVIATIONS: f64 = 3.0;

/// The maximum reserve for loss. The reserve adds to the time by which the server must rewind the world for a shot, and the server
/// bounds that time.
const MAX_RESERVE: Duration = Duration::from_millis(100);

/// The time without inputs beyond which a gap counts as a black-out (an interruption of the link), which no margin can cover.
const MIN_BLACK_OUT: Duration = Duration::from_millis(250);

/// The time in which the reserve falls to 37 % (1/e) without loss: a reserve for bursts that are half a minute apart stays.
const RESERVE_DECAY: Duration = Duration::from_secs(60);

/// The measured margin of one seat's inputs, and its target.
#[derive(Clone, Debug)]
pub(crate) struct Margin {
    /// Mean and mean deviation of the reported margins in ticks, smoothed as round trip times are in RFC 6298.
    mean: f64,
    deviation: f64,
    reserve: Reserve,
}

/// The part of the target for loss.
#[derive(Clone, Copy, Debug)]
struct Reserve {
    ticks: f64,
    max_ticks: f64,
    /// The current number of ticks in a row without an input.
    gap_ticks: u32,
    /// The length of the longest gap that is not a black-out, in ticks.
    max_gap_ticks: u32,
    /// The factor by which the reserve falls in a tick without loss.
    decay: f64,
}

impl Margin {
    /// Creates a margin without measurements, for a room with this tick rate.
    #[must_use]
    pub(crate) fn new(rate: TickRate) -> Self {
        let in_ticks = |time: Duration| time.as_secs_f64() * f64::from(rate.hz());
        let reserve = Reserve {
            ticks: 0.0,
            max_ticks: in_ticks(MAX_RESERVE),
            gap_ticks: 0,
            max_gap_ticks: in_ticks(MIN_BLACK_OUT).ceil() as u32,
            decay: 1.0 - 1.0 / in_ticks(RESERVE_DECAY),
        };
        Self { mean: MIN_MARGIN_TICKS, deviation: 0.0, reserve }
    }

    /// Resets the measured mean to the target, because the schedule was changed to meet it. The deviation and the reserve, which are
    /// properties of the link, stay.
    pub(crate) fn restart(&mut self) {
        self.mean = self.target();
        self.reserve.gap_ticks = 0;
    }

    /// Adds a measurement: the time by which the newest input arrived early, in ticks.
    pub(crate) fn push(&mut self, early_ticks: f64) {
        self.deviation += ((early_ticks - self.mean).abs() - self.deviation) / 16.0;
        self.mean += (early_ticks - self.mean) / 8.0;
    }

    /// Adds the ticks since the last snapshot. `found` is whether the server had the input of the newest of these ticks in time. The
    /// ticks between the two snapshots are not known, so they are assumed to be like the newest. A gap that ends between two snapshots is
    /// missed, and another one is counted longer than it was; over time the two errors cancel out.
    pub(crate) fn on_ticks(&mut self, new_ticks: u32, found: bool) {
        let reserve = &mut self.reserve;
        if !found {
            reserve.gap_ticks = reserve.gap_ticks.saturating_add(new_ticks);
            return;
        }
        if (1..=reserve.max_gap_ticks).contains(&reserve.gap_ticks) {
            // With inputs sent earlier by this number of ticks, the repetition after the gap would have arrived in time.
            reserve.ticks = (reserve.ticks + f64::from(reserve.gap_ticks)).min(reserve.max_ticks);
        }
        reserve.gap_ticks = 0;
        reserve.ticks *= reserve.decay.powf(f64::from(new_ticks));
    }

    /// Returns the target: the time by which inputs should arrive early, in ticks.
    #[must_use]
    pub(crate) fn target(&self) -> f64 {
        MIN_MARGIN_TICKS + DEVIATIONS * self.deviation + self.reserve.ticks
    }

    /// Returns the measured margin minus the target, in ticks; positive if inputs arrive too early.
    #[must_use]
    pub(crate) fn error(&self) -> f64 {
        self.mean - self.target()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margin() -> Margin {
        Margin::new(TickRate::DEFAULT)
    }

    #[test]
    fn the_target_follows_jitter() {
        let mut quiet = margin();
        let mut wild = margin();
        for n in 0..300 {
            quiet.push(0.3);
            wild.push(if n % 2 == 0 { 0.2 } else { 1.4 });
        }
        assert!(quiet.target() < 0.4, "{} ticks without jitter", quiet.target());
        assert!(wild.target() > 1.5, "{} ticks at over a tick of jitter", wild.target());
    }

    #[test]
    fn lost_inputs_raise_the_target_which_falls_within_a_minute_without_loss() {
        let mut margin = margin();
        for _ in 0..4 {
            margin.on_ticks(1, false);
            margin.on_ticks(1, true);
        }
        let raised = margin.target();
        assert!(raised > MIN_MARGIN_TICKS + 1.5, "{raised} ticks after four losses");
        (0..30 * 60).for_each(|_| margin.on_ticks(1, true));
        assert!(margin.target() < MIN_MARGIN_TICKS + (raised - MIN_MARGIN_TICKS) / 2.0);
    }

    #[test]
    fn a_black_out_does_not_raise_the_target() {
        let mut margin = margin();
        (0..60).for_each(|_| margin.on_ticks(1, false));
        margin.on_ticks(1, true);
        assert!(margin.target() < MIN_MARGIN_TICKS + 0.01, "{} ticks", margin.target());
    }

    #[test]
    fn the_reserve_is_bounded() {
        let mut margin = margin();
        for _ in 0..1000 {
            margin.on_ticks(1, false);
            margin.on_ticks(1, true);
        }
        assert!(
            margin.target() <= MIN_MARGIN_TICKS + 3.0,
            "the reserve is at most 100 ms, but the target is {} ticks",
            margin.target()
        );
    }

    #[test]
    fn loss_weighs_and_decays_the_same_with_a_snapshot_of_every_fourth_tick() {
        let (mut each, mut fourth) = (margin(), margin());
        each.on_ticks(1, false);
        each.on_ticks(1, false);
        each.on_ticks(1, true);
        fourth.on_ticks(2, false);
        fourth.on_ticks(1, true);
        assert!(
            (each.target() - fourth.target()).abs() < 0.01,
            "a gap of two ticks adds two ticks of reserve"
        );
        (0..1200).for_each(|_| each.on_ticks(1, true));
        (0..300).for_each(|_| fourth.on_ticks(4, true));
        assert!((each.target() - fourth.target()).abs() < 0.01, "{} and {}", each.target(), fourth.target());
    }

    #[test]
    fn a_black_out_does_not_raise_the_target_where_snapshots_are_rare() {
        let mut margin = margin();
        (0..3).for_each(|_| margin.on_ticks(4, false));
        margin.on_ticks(4, true);
        assert!(margin.target() < MIN_MARGIN_TICKS + 0.01, "{} ticks", margin.target());
    }
}
