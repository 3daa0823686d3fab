//! The longest tick of the last three seconds, to the microsecond. The histogram of tick durations has only buckets.
//!
//! One maximum is kept for the current second and for each of the two before it: the last two to three seconds. A scraper with an
//! interval of at most two seconds therefore misses no tick. Reading changes nothing, so several scrapers do not disturb each other. A
//! scraper with a longer interval needs the histogram.

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

/// The number of seconds kept, including the current one.
const SECONDS: usize = 3;

/// The longest tick of any room in each of the last [`SECONDS`] seconds.
#[derive(Debug)]
pub(super) struct LongestTick {
    start: Instant,
    slots: Slots,
}

/// A ring of maxima, one slot per second. The upper 32 bits of a slot are the number of its second, counted from 1 (0: an unused slot);
/// the lower 32 bits are the duration in microseconds. Of two values, the greater one has the newer second, or the same second and the
/// longer duration. One atomic `fetch_max` therefore replaces an old second and keeps the maximum of the current one.
#[derive(Debug, Default)]
struct Slots([AtomicU64; SECONDS]);

impl LongestTick {
    /// Creates a record without a tick, whose seconds count from now.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), slots: Slots::default() })
    }

    /// Adds the duration of a tick that ends now.
    pub(super) fn push(&self, duration: Duration) {
        self.slots.push(self.start.elapsed(), duration);
    }
}

impl Slots {
    fn push(&self, at: Duration, duration: Duration) {
        let second = second(at);
        let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        if let Some(slot) = self.0.get(second as usize % SECONDS) {
            slot.fetch_max(u64::from(second) << 32 | u64::from(micros), Ordering::Relaxed);
        }
    }

    /// Returns the longest tick of the second that contains `at` and of the two before it; zero when there was no tick.
    fn longest(&self, at: Duration) -> Duration {
        let now = second(at);
        let kept = self.0.iter().map(|slot| slot.load(Ordering::Relaxed));
        let recent = kept.filter(|slot| now.saturating_sub((slot >> 32) as u32) < SECONDS as u32);
        Duration::from_micros(recent.map(|slot| slot & u64::from(u32::MAX)).max().unwrap_or(0))
    }
}

/// Returns the number of the second that contains `at`, counted from 1.
fn second(at: Duration) -> u32 {
    at.as_secs() as u32 + 1
}

/// The metric `tick_longest`, computed at each scrape, because a plain gauge would keep an old value when no tick replaces it.
#[derive(Debug)]
pub(super) struct LongestTickCollector(pub(super) Arc<LongestTick>);

impl Collector for LongestTickCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let longest = self.0.slots.longest(self.0.start.elapsed());
        let gauge = ConstGauge::new(longest.as_secs_f64());
        let help = "The longest tick of the current second and the two before it.";
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
    fn a_scrape_every_two_seconds_misses_no_tick() {
        for begin in (0..3000).step_by(250) {
            for tick in (0..2000).step_by(100) {
                let slots = Slots::default();
                slots.push(ms(begin + tick), ms(300));
                slots.push(ms(begin + tick), ms(5));
                slots.push(ms(begin + 2000), ms(7));
                assert_eq!(slots.longest(ms(begin + 2000)), ms(300), "scraped at {begin} and 2 s later");
            }
        }
    }

    #[test]
    fn a_tick_is_dropped_three_seconds_after_its_second_began() {
        let slots = Slots::default();
        assert_eq!(slots.longest(ms(10)), Duration::ZERO);
        slots.push(ms(1000), ms(300));
        slots.push(ms(2500), ms(20));
        assert_eq!(slots.longest(ms(3999)), ms(300));
        assert_eq!(slots.longest(ms(4000)), ms(20), "the later tick remains");
        assert_eq!(slots.longest(ms(60_000)), Duration::ZERO);
        slots.push(ms(61_000), ms(1));
        assert_eq!(slots.longest(ms(61_000)), ms(1), "a shorter tick of a newer second replaces an old one");
    }
}
