//! The input margin of a seat: how long before its tick the newest input arrived. Each snapshot contains the margin, and the client
//! adjusts its clock by it. Has no I/O.

use quarrel_shared::tick::{Tick, TickRate};

/// The time after the arrival of the newest input within which an older input counts as reordered by the network, in milliseconds. An older
/// input that arrives later comes from a client that has set its clock back, and that client needs its new margin.
const REORDER_WINDOW_MS: u32 = 250;

/// The margin of one seat's newest input. Duplicated and reordered datagrams do not change it, because they do not show the client's
/// current clock.
#[derive(Clone, Copy, Debug)]
pub struct InputMargin {
    newest: Option<NewestInput>,
    /// [`REORDER_WINDOW_MS`] converted to 1/16 tick.
    reorder_window: i64,
}

/// The tick and the arrival of the newest input.
#[derive(Clone, Copy, Debug)]
struct NewestInput {
    tick: Tick,
    /// The time of arrival on the room's time line, in 1/16 tick.
    arrived: i64,
}

impl InputMargin {
    /// Creates the margin of a seat without inputs, in a room with this tick rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        Self { newest: None, reorder_window: rate.ticks(REORDER_WINDOW_MS) as i64 * 16 }
    }

    /// Records a datagram whose newest input is for `tick`. `arrived` is the time of arrival on the room's time line, in 1/16 tick.
    pub fn record(&mut self, tick: Tick, arrived: i64) {
        let is_newer = self.newest.is_none_or(|newest| {
            tick > newest.tick || (tick < newest.tick && arrived - newest.arrived > self.reorder_window)
        });
        if is_newer {
            self.newest = Some(NewestInput { tick, arrived });
        }
    }

    /// The margin of the newest input in 1/16 tick: positive if it arrived before its tick, negative if after; `None` before the first
    /// input.
    #[must_use]
    pub fn get(&self) -> Option<i16> {
        let NewestInput { tick, arrived } = self.newest?;
        let margin = i64::from(tick.0) * 16 - arrived;
        Some(margin.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reordered_or_duplicated_datagram_does_not_replace_a_newer_margin() {
        let mut margin = InputMargin::new(TickRate::DEFAULT);
        assert_eq!(margin.get(), None);
        margin.record(Tick(10), 9 * 16);
        margin.record(Tick(9), 9 * 16 + 4);
        assert_eq!(margin.get(), Some(16), "the input of tick 9 arrived after that of tick 10");
        margin.record(Tick(10), 15 * 16);
        assert_eq!(margin.get(), Some(16), "a duplicate of the newest datagram changes nothing");
        margin.record(Tick(11), 11 * 16 + 2);
        assert_eq!(margin.get(), Some(-2), "a newer input that is late has a negative margin");
    }

    #[test]
    fn a_client_that_set_its_clock_back_gets_a_new_margin() {
        let mut margin = InputMargin::new(TickRate::DEFAULT);
        margin.record(Tick(u32::MAX), 10 * 16);
        assert_eq!(margin.get(), Some(i16::MAX), "a margin beyond the range is clamped");
        margin.record(Tick(14), 12 * 16);
        assert_eq!(margin.get(), Some(i16::MAX), "within the window, an older input may be reordered");
        margin.record(Tick(23), 21 * 16);
        assert_eq!(margin.get(), Some(32), "after the window, the client has set its clock back");
    }
}
