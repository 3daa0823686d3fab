//! How many past inputs every datagram repeats: as many as the link loses in a row, and no more.

/// The share of datagrams that may be lost for so many repeated inputs to do. With a loss of `p` and `k` repetitions an input
/// is gone with `p^(k+1)`, were losses independent. They come in bursts, so each step is taken far sooner than that.
const STEPS: [(f64, usize); 7] =
    [(0.0005, 1), (0.005, 2), (0.015, 3), (0.03, 4), (0.05, 5), (0.08, 6), (0.12, 7)];

/// What a link that loses more needs.
const MOST: usize = 8;

/// How much of what was known before is kept at each new measurement. They come once a second: after ten seconds a third is left.
const KEPT: f64 = 0.9;

/// The loss on the way up, as measured, and what follows from it.
#[derive(Clone, Debug, Default)]
pub struct Redundancy {
    sent: u64,
    lost: u64,
    /// Smoothed; `None` before the first measurement.
    loss: Option<f64>,
}

impl Redundancy {
    /// The connection has sent and lost so many packets since it began.
    pub fn measure(&mut self, sent: u64, lost: u64) {
        if sent < self.sent {
            // Another connection, which counts from 0.
            (self.sent, self.lost) = (0, 0);
        }
        let passed = sent - self.sent;
        if passed == 0 {
            return;
        }
        let now = lost.saturating_sub(self.lost) as f64 / passed as f64;
        (self.sent, self.lost) = (sent, lost);
        // Up at once, down slowly: a link that lost a burst will lose another.
        let before = self.loss.unwrap_or(now) * KEPT;
        self.loss = Some((before + now * (1.0 - KEPT)).max(now / 2.0));
    }

    /// How many past inputs go along with the newest: 1 to 8, and 3 before anything was measured.
    #[must_use]
    pub fn past_inputs(&self) -> usize {
        let Some(loss) = self.loss else { return 3 };
        STEPS.iter().find(|(most, _)| loss <= *most).map_or(MOST, |(_, inputs)| *inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is repeated after ten seconds of a thousand datagrams each, so many of which were lost: enough of them that each second
    /// measures the link's own share.
    fn after(per_mille: u64) -> usize {
        let mut redundancy = Redundancy::default();
        (1..=10).for_each(|second| redundancy.measure(second * 1000, second * per_mille));
        redundancy.past_inputs()
    }

    #[test]
    fn redundancy_follows_the_loss_that_is_measured() {
        assert_eq!([0, 3, 10, 20, 50, 200].map(after), [1, 2, 3, 4, 5, 8]);
        assert_eq!(Redundancy::default().past_inputs(), 3, "until something is known");
    }

    #[test]
    fn a_burst_raises_it_at_once_and_quiet_lowers_it_slowly() {
        let mut redundancy = Redundancy::default();
        redundancy.measure(30, 0);
        redundancy.measure(60, 6);
        assert!(redundancy.past_inputs() >= 6, "{} after a fifth was lost", redundancy.past_inputs());
        redundancy.measure(90, 6);
        assert!(redundancy.past_inputs() >= 6, "one quiet second proves little");
        (4..=60).for_each(|second| redundancy.measure(second * 30, 6));
        assert_eq!(redundancy.past_inputs(), 1);
    }
}
