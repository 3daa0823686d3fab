//! The number of past inputs in every datagram: as many as the link loses in a row, and no more.

/// Pairs of a maximum loss and the number of past inputs that suffices for it. If losses were independent, a loss of `p` and `k`
/// repetitions would lose an input with probability `p^(k+1)`. They come in bursts, so the steps are far more cautious.
const STEPS: [(f64, usize); 7] =
    [(0.0005, 1), (0.005, 2), (0.015, 3), (0.03, 4), (0.05, 5), (0.08, 6), (0.12, 7)];

/// The number of past inputs beyond the last step.
const MAX_PAST_INPUTS: usize = 8;

/// The weight of the previous estimate at each new measurement. With one a second, a third of its weight is left after ten seconds.
const SMOOTHING: f64 = 0.9;

/// The measured loss from client to server, and the redundancy that follows from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redundancy {
    sent: u64,
    lost: u64,
    /// Smoothed; `None` before the first measurement.
    loss: Option<f64>,
}

impl Redundancy {
    /// Updates the loss. `sent` and `lost` are packets since the connection began.
    pub(crate) fn measure(&mut self, sent: u64, lost: u64) {
        if sent < self.sent {
            // Another connection, whose counts start at 0.
            (self.sent, self.lost) = (0, 0);
        }
        let new_sent = sent - self.sent;
        if new_sent == 0 {
            return;
        }
        let now = lost.saturating_sub(self.lost) as f64 / new_sent as f64;
        (self.sent, self.lost) = (sent, lost);
        // Up at once, down slowly, because a link that lost a burst will lose another.
        let before = self.loss.unwrap_or(now) * SMOOTHING;
        self.loss = Some((before + now * (1.0 - SMOOTHING)).max(now / 2.0));
    }

    /// The number of past inputs to send along with the newest: 1 to 8, and 3 before the first measurement.
    #[must_use]
    pub(crate) fn past_inputs(&self) -> usize {
        let Some(loss) = self.loss else { return 3 };
        STEPS.iter().find(|(max, _)| loss <= *max).map_or(MAX_PAST_INPUTS, |(_, inputs)| *inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The redundancy after ten seconds of a thousand datagrams each, with this loss per thousand: enough datagrams that each
    /// second measures the link's true loss.
    fn after(per_mille: u64) -> usize {
        let mut redundancy = Redundancy::default();
        (1..=10).for_each(|second| redundancy.measure(second * 1000, second * per_mille));
        redundancy.past_inputs()
    }

    #[test]
    fn redundancy_follows_the_loss_that_is_measured() {
        assert_eq!([0, 3, 10, 20, 50, 200].map(after), [1, 2, 3, 4, 5, 8]);
        assert_eq!(Redundancy::default().past_inputs(), 3, "the default before the first measurement");
    }

    #[test]
    fn a_burst_raises_redundancy_at_once_and_quiet_lowers_it_slowly() {
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
