//! The schedule of frames: which ticks become frames when the send rate is below the tick rate. Has no I/O.

use quarrel_shared::tick::TickRate;

/// Spreads frames over the ticks as evenly as possible.
pub(super) struct SendSchedule {
    tick_hz: u32,
    send_hz: u32,
    /// The part of the next frame that has accumulated, where `tick_hz` is one frame.
    accumulated: u32,
}

impl SendSchedule {
    /// Creates a schedule of `send_hz` frames a second at this tick rate.
    pub(super) fn new(tick: TickRate, send_hz: u16) -> Self {
        Self { tick_hz: u32::from(tick.hz()), send_hz: u32::from(send_hz), accumulated: 0 }
    }

    /// Advances by one tick. Returns true if this tick becomes a frame.
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
