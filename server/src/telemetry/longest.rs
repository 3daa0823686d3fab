//! The longest tick of late, exact where a histogram knows a bucket alone.
//!
//! It is kept for the current second and the two before it. So whoever asks every two seconds or more often misses no tick, however
//! many of them ask, and none takes anything away from another. Whoever asks more rarely has the histogram.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// How many seconds are kept, the current one among them.
const SECONDS: usize = 3;

/// The longest tick of each of the newest seconds.
#[derive(Debug)]
pub(super) struct LongestTick {
    start: Instant,
    slots: Slots,
}

/// In the upper half of each, which second it is of, counted from 1; in the lower half, microseconds. The greater is the newer one, or
/// the longer one of the same second, so that one atomic maximum does for both.
#[derive(Debug, Default)]
struct Slots([AtomicU64; SECONDS]);

impl LongestTick {
    /// Without a tick yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), slots: Slots::default() })
    }

    /// A tick that ends now took this long.
    pub(super) fn push(&self, took: Duration) {
        self.slots.push(self.start.elapsed(), took);
    }
}

impl Slots {
    fn push(&self, at: Duration, took: Duration) {
        let second = second(at);
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        if let Some(slot) = self.0.get(second as usize % SECONDS) {
            slot.fetch_max(u64::from(second) << 32 | u64::from(micros), Ordering::Relaxed);
        }
    }

    /// Zero when there was none.
    fn longest(&self, at: Duration) -> Duration {
        let now = second(at);
        let kept = self.0.iter().map(|slot| slot.load(Ordering::Relaxed));
        let young = kept.filter(|slot| now.saturating_sub((slot >> 32) as u32) < SECONDS as u32);
        Duration::from_micros(young.map(|slot| slot & u64::from(u32::MAX)).max().unwrap_or(0))
    }
}

fn second(at: Duration) -> u32 {
    at.as_secs() as u32 + 1
}

/// Works it out when it is asked for: a gauge that is only written to would never forget.
#[derive(Debug)]
pub(super) struct LongestTickCollector(pub(super) Arc<LongestTick>);

impl Collector for LongestTickCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let longest = self.0.slots.longest(self.0.start.elapsed());
        let gauge = ConstGauge::new(longest.as_secs_f64());
        let help = "The longest tick of this second and the two before it.";
        gauge.encode(encoder.encode_descriptor(
            "tick_longest",
            help,
            Some(&Unit::Seconds),
            gauge.metric_type(),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn whoever_asks_every_two_seconds_misses_no_tick() {
        for begin in (0..3000).step_by(250) {
            for tick in (0..2000).step_by(100) {
                let slots = Slots::default();
                slots.push(ms(begin + tick), ms(300));
                slots.push(ms(begin + tick), ms(5));
                slots.push(ms(begin + 2000), ms(7));
                assert_eq!(slots.longest(ms(begin + 2000)), ms(300), "asked at {begin} and 2 s later");
            }
        }
    }

    #[test]
    fn after_three_seconds_it_is_forgotten() {
        let slots = Slots::default();
        assert_eq!(slots.longest(ms(10)), Duration::ZERO);
        slots.push(ms(1000), ms(300));
        slots.push(ms(2500), ms(20));
        assert_eq!(slots.longest(ms(3999)), ms(300));
        assert_eq!(slots.longest(ms(4000)), ms(20), "which was pushed later");
        assert_eq!(slots.longest(ms(60_000)), Duration::ZERO);
        slots.push(ms(61_000), ms(1));
        assert_eq!(slots.longest(ms(61_000)), ms(1), "a shorter one of a newer second takes its place");
    }
}
