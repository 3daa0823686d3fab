//! The schedule of frames: which ticks become frames when the send rate is below the tick rate. Pure.

use quarrel_shared::tick::TickRate;

/// Spreads frames over the ticks as evenly as whole ticks allow.
pub(super) struct SendSchedule {
    tick_hz: u32,
    send_hz: u32,
    /// The part of the next frame that is due, in frames times `tick_hz`.
    accumulated: u32,
}

impl SendSchedule {
    /// A schedule of `send_hz` frames a second at this tick rate.
    pub(super) fn new(tick: TickRate, send_hz: u16) -> Self {
        Self { tick_hz: u32::from(tick.hz()), send_hz: u32::from(send_hz), accumulated: 0 }
    }

    /// Advances by one tick, and returns whether it becomes a frame.
    pub(super) const fn is_due(&mut self) -> bool {
        self.accumulated += self.send_hz;
        if self.accumulated < self.tick_hz {
            return false;
        }
        self.accumulated -= self.tick_hz;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spread_evenly_over_the_ticks() {
        let mut sends = SendSchedule::new(TickRate::new(60).unwrap(), 20);
        let due: Vec<_> = (0..6).map(|_| sends.is_due()).collect();
        assert_eq!(due, [false, false, true, false, false, true]);
    }
}
