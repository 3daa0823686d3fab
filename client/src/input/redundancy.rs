//! The number of past inputs that every datagram repeats, chosen by the measured loss. A higher loss also means longer bursts, which the
//! repetition has to outlast.

/// Pairs of a maximum loss (0 to 1) and the number of past inputs to send up to this loss. If losses of a link with the loss `p` were
/// independent, an input sent `k + 1` times would be lost with probability `p^(k+1)`, and far fewer repetitions would do. Losses come in
/// bursts, so these numbers are higher; they are a judgement, checked over simulated links.
const PAST_INPUTS_BY_LOSS: [(f64, usize); 7] =
    [(0.0005, 1), (0.005, 2), (0.015, 3), (0.03, 4), (0.05, 5), (0.08, 6), (0.12, 7)];

/// The number of past inputs for a loss above all of [`PAST_INPUTS_BY_LOSS`].
const MAX_PAST_INPUTS: usize = 8;

/// The weight of the previous estimate in the average with a new measurement. With one measurement a second, an estimate has 35 % (0.9^10) of its
/// weight after ten seconds.
const SMOOTHING: f64 = 0.9;

/// The measured loss from client to server, and the redundancy that follows from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redundancy {
    /// The packets sent and lost by the last measurement, since the connection was opened.
    sent: u64,
    lost: u64,
    /// The smoothed share of lost packets; `None` before the first measurement.
    loss: Option<f64>,
}

impl Redundancy {
    /// Adds a measurement, to be made once a second. `sent` and `lost` count all packets since the connection was opened.
    pub(crate) fn measure(&mut self, sent: u64, lost: u64) {
        if sent < self.sent {
            // Only for counts that start again at 0; the session creates a new value for each connection.
            (self.sent, self.lost) = (0, 0);
        }
        let new_sent = sent - self.sent;
        if new_sent == 0 {
            return;
        }
        let new_loss = lost.saturating_sub(self.lost) as f64 / new_sent as f64;
        (self.sent, self.lost) = (sent, lost);
        // A new loss counts at least by half at once. The estimate then falls slowly, because bursts are often followed by more.
        let average = SMOOTHING * self.loss.unwrap_or(new_loss) + (1.0 - SMOOTHING) * new_loss;
        self.loss = Some(average.max(new_loss / 2.0));
    }

    /// Returns the number of past inputs to send along with the newest: 1 to 8, and 3 before the first measurement.
    #[must_use]
    pub(crate) fn past_inputs(&self) -> usize {
        // As for a loss of 1.5 %, because the link is not known yet.
        let Some(loss) = self.loss else { return 3 };
        PAST_INPUTS_BY_LOSS
            .iter()
            .find(|(max, _)| loss <= *max)
            .map_or(MAX_PAST_INPUTS, |(_, inputs)| *inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of past inputs after ten seconds of a thousand datagrams each, with this loss per thousand.
    fn past_inputs_at(per_mille: u64) -> usize {
        let mut redundancy = Redundancy::default();
        (1..=10).for_each(|second| redundancy.measure(second * 1000, second * per_mille));
        redundancy.past_inputs()
    }

    #[test]
    fn redundancy_follows_the_loss_that_is_measured() {
        assert_eq!([0, 3, 10, 20, 50, 200].map(past_inputs_at), [1, 2, 3, 4, 5, 8]);
        assert_eq!(Redundancy::default().past_inputs(), 3, "the default before the first measurement");
    }

    #[test]
    fn a_burst_of_losses_raises_redundancy_at_once_and_time_without_loss_lowers_it_slowly() {
        let mut redundancy = Redundancy::default();
        redundancy.measure(30, 0);
        redundancy.measure(60, 6);
        assert_eq!(
            redundancy.past_inputs(),
            7,
            "after a fifth was lost, a loss of a tenth is assumed at once"
        );
        redundancy.measure(90, 6);
        assert_eq!(redundancy.past_inputs(), 7, "one second without loss does not lower it");
        (4..=60).for_each(|second| redundancy.measure(second * 30, 6));
        assert_eq!(redundancy.past_inputs(), 1);
    }
}
