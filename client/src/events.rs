//! Whether events come as they should: each once, in order, counted from 0 in every room.
//!
//! The control stream promises as much, so anything else is a bug on one of the two ends. It is counted rather than
//! asserted, since the other end may be another build, and a load test must be able to say so.

/// The sequence of one seat's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventOrder {
    next: u32,
    lost: u64,
    doubled: u64,
}

impl EventOrder {
    /// Takes note of an event; false when it came before and must not be delivered again.
    pub fn push(&mut self, sequence: u32) -> bool {
        if sequence < self.next {
            self.doubled += 1;
            return false;
        }
        self.lost += u64::from(sequence - self.next);
        self.next = sequence.saturating_add(1);
        true
    }

    /// How many events never came.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// How many events came once too often.
    #[must_use]
    pub const fn doubled(&self) -> u64 {
        self.doubled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_counted_as_lost_and_a_repeat_as_doubled() {
        let mut order = EventOrder::default();
        let delivered: Vec<_> =
            [0, 1, 4, 4, 2, 5].into_iter().filter(|sequence| order.push(*sequence)).collect();
        assert_eq!(delivered, [0, 1, 4, 5]);
        assert_eq!((order.lost(), order.doubled()), (2, 2));
    }
}
