//! How early a seat's inputs come, as its client is told with every snapshot to set its clock by.

use quarrel_shared::tick::{Tick, TickRate};

/// For how long an older input than the newest heard is taken for one that was overtaken on its way, in milliseconds. One that
/// comes later still is from a client that has set its clock back, and that client needs the news.
const OVERTAKEN_MS: u32 = 250;

/// The margin of the newest input datagram. Datagrams are doubled and overtaken: an old one says nothing of the clock as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    newest: Option<Heard>,
    /// [`OVERTAKEN_MS`] in 1/16 tick.
    overtaken: i64,
}

/// The newest input that came.
#[derive(Clone, Copy, Debug)]
struct Heard {
    tick: Tick,
    /// When, in 1/16 tick on the room's time line.
    arrived: i64,
}

impl Margin {
    /// Nothing heard yet, in a room of this rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        Self { newest: None, overtaken: rate.ticks(OVERTAKEN_MS) as i64 * 16 }
    }

    /// A datagram arrives whose newest input is for `tick`.
    pub fn hear(&mut self, tick: Tick, arrived: i64) {
        let is_news = self.newest.is_none_or(|newest| {
            tick > newest.tick || (tick < newest.tick && arrived - newest.arrived > self.overtaken)
        });
        if is_news {
            self.newest = Some(Heard { tick, arrived });
        }
    }

    /// How early the newest input came, in 1/16 tick; negative when late, `None` before the first.
    #[must_use]
    pub fn get(&self) -> Option<i16> {
        let Heard { tick, arrived } = self.newest?;
        let margin = i64::from(tick.0) * 16 - arrived;
        Some(margin.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overtaken_or_doubled_datagram_does_not_replace_a_newer_margin() {
        let mut margin = Margin::new(TickRate::DEFAULT);
        assert_eq!(margin.get(), None);
        margin.hear(Tick(10), 9 * 16);
        margin.hear(Tick(9), 9 * 16 + 4);
        assert_eq!(margin.get(), Some(16), "9 was overtaken by 10");
        margin.hear(Tick(10), 15 * 16);
        assert_eq!(margin.get(), Some(16), "the copy of a datagram came later, its input did not");
        margin.hear(Tick(11), 11 * 16 + 2);
        assert_eq!(margin.get(), Some(-2), "a newer one that is late says so");
    }

    #[test]
    fn a_client_that_set_its_clock_back_is_heard_again() {
        let mut margin = Margin::new(TickRate::DEFAULT);
        margin.hear(Tick(u32::MAX), 10 * 16);
        assert_eq!(margin.get(), Some(i16::MAX), "far too early, and no wrap");
        margin.hear(Tick(14), 12 * 16);
        assert_eq!(margin.get(), Some(i16::MAX), "it may have been overtaken");
        margin.hear(Tick(23), 21 * 16);
        assert_eq!(margin.get(), Some(32));
    }
}
