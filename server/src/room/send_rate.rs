//! Which ticks become frames, when fewer are sent than made. Pure.

use quarrel_shared::tick::TickRate;

/// Which ticks make a frame, when fewer are sent than made: spread as evenly as whole ticks allow.
pub(super) struct SendRate {
    tick_hz: u32,
    send_hz: u32,
    /// What is owed, in frames times `tick_hz`.
    owed: u32,
}

impl SendRate {
    /// `send_hz` frames for `tick` ticks a second.
    pub(super) fn new(tick: TickRate, send_hz: u16) -> Self {
        Self { tick_hz: u32::from(tick.hz()), send_hz: u32::from(send_hz), owed: 0 }
    }

    /// Whether the tick just made becomes a frame.
    pub(super) const fn is_due(&mut self) -> bool {
        self.owed += self.send_hz;
        if self.owed < self.tick_hz {
            return false;
        }
        self.owed -= self.tick_hz;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spread_evenly_over_the_ticks() {
        let mut sends = SendRate::new(TickRate::new(60).unwrap(), 20);
        let due: Vec<_> = (0..6).map(|_| sends.is_due()).collect();
        assert_eq!(due, [false, false, true, false, false, true]);
    }
}
