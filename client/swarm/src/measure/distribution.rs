//! How often which value was seen: an HDR histogram of three digits that takes memory only for what was seen.
//!
//! Each second of a run has several of these, and agents send theirs over the network, so empty buckets must cost nothing. Where a
//! bucket begins is the HDR library's own rule, so two of them merge exactly, wherever they were filled.
//!
//! A thousand bots note a hundred thousand values a second, so to note one is to put it on a heap of fresh ones, and nothing more. To
//! sort those in, some hundred at a time, costs a fraction of a search for each one's bucket.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest value: an hour of microseconds. Whatever is more counts as this.
const MOST: u32 = 3_600_000_000;

/// Fresh values at most: 2 kB of them, sorted while they are in the cache.
const FRESH: usize = 512;

/// Says which values are equal to three digits; nothing is ever recorded in it.
static RULER: LazyLock<Histogram<u8>> = LazyLock::new(|| {
    Histogram::new_with_max(MOST.into(), 3).expect("an hour to three digits is within what a histogram takes")
});

/// How often which value was seen. Values are integers: microseconds, or thousandths of whatever else is measured.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// Counts by the least value of their bucket.
    counts: BTreeMap<u64, u64>,
    /// What was noted since, as it came.
    fresh: Vec<u32>,
}

impl Distribution {
    /// Notes a value `times` times.
    pub fn record(&mut self, value: u64, times: u64) {
        let value = clamp(value);
        match times {
            0 => {}
            1 => self.push(value),
            _ => self.add(value, times),
        }
    }

    /// Notes a time.
    pub fn record_time(&mut self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), 1);
    }

    /// Sorts in what is fresh. Nothing depends on it, but whoever reads would have to do it each time.
    pub fn settle(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        // Neighbours find their buckets where the one before them did, and many are in the same one.
        fresh.sort_unstable();
        for alike in fresh.chunk_by(|one, next| bucket(*one) == bucket(*next)) {
            if let Some(value) = alike.first() {
                self.add(*value, alike.len() as u64);
            }
        }
        fresh.clear();
        self.fresh = fresh;
    }

    /// Adds what another one saw.
    pub fn merge(&mut self, other: &Self) {
        for (value, count) in &other.settled().counts {
            let sum = self.counts.entry(*value).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.fresh.is_empty()
    }

    /// How many values were seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().fold(self.fresh.len() as u64, |sum, count| sum.saturating_add(*count))
    }

    /// The least value that so many (0..=1) of those seen do not pass: the upper end of its bucket, as HDR histograms have it; 0 when
    /// nothing was seen.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        let rank = ((self.count() as f64 * quantile).ceil() as u64).max(1);
        let counts = &self.settled().counts;
        let mut below = 0;
        let reaches = |(_, count): &(&u64, &u64)| {
            below = u64::saturating_add(below, **count);
            below >= rank
        };
        let found = counts.iter().find(reaches).or_else(|| counts.last_key_value());
        found.map_or(0, |(value, _)| RULER.highest_equivalent(*value))
    }

    /// The greatest value; 0 when nothing was seen.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.quantile(1.0)
    }

    fn push(&mut self, value: u32) {
        if self.fresh.len() == FRESH {
            self.settle();
        }
        self.fresh.push(value);
    }

    fn add(&mut self, value: u32, times: u64) {
        let sum = self.counts.entry(bucket(value)).or_default();
        *sum = sum.saturating_add(times);
    }

    /// The same with nothing fresh.
    fn settled(&self) -> Cow<'_, Self> {
        if self.fresh.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }
}

fn clamp(value: u64) -> u32 {
    u32::try_from(value).map_or(MOST, |value| value.min(MOST))
}

/// The least value that is equal to this one.
fn bucket(value: u32) -> u64 {
    RULER.lowest_equivalent(value.into())
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.settled().counts == other.settled().counts
    }
}

impl Eq for Distribution {}

/// As a map from the least value of each bucket to how often it was seen.
impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.settled().counts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut distribution = Self::default();
        for (value, times) in BTreeMap::<u64, u64>::deserialize(deserializer)? {
            // Whoever sent it may not keep to buckets, and there are only so many of those: what is held stays bounded.
            distribution.add(clamp(value), times);
        }
        Ok(distribution)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Some of them alike, as most of a run's are.
    fn values() -> impl Strategy<Value = u64> {
        prop_oneof![0..3000_u64, 0..u64::from(MOST)]
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_hdr_library(
            values in prop::collection::vec(0..u64::from(MOST), 1..2 * FRESH),
            quantile in 0.0..=1.0_f64,
        ) {
            let (mut ours, mut theirs) = (Distribution::default(), Histogram::<u64>::new_with_max(MOST.into(), 3).unwrap());
            for value in values {
                ours.record(value, 1);
                theirs.record(value).unwrap();
            }
            prop_assert_eq!(ours.count(), theirs.len());
            prop_assert_eq!(ours.max(), theirs.max());
            prop_assert_eq!(ours.quantile(quantile), theirs.value_at_quantile(quantile));
        }

        #[test]
        fn the_halves_of_a_run_merge_into_the_whole_exactly(
            values in prop::collection::vec((values(), any::<bool>()), 0..4 * FRESH),
        ) {
            let (mut whole, mut halves) = (Distribution::default(), [Distribution::default(), Distribution::default()]);
            for (value, half) in values {
                whole.record(value, 1);
                halves[usize::from(half)].record(value, 1);
            }
            let [mut one, other] = halves;
            let travelled: Distribution = serde_json::from_str(&serde_json::to_string(&other).unwrap()).unwrap();
            one.merge(&travelled);
            prop_assert_eq!(one, whole);
        }
    }

    #[test]
    fn a_report_has_the_counts_by_value_in_order() {
        let mut times = Distribution::default();
        [70_001, 5, 70_000].into_iter().for_each(|value| times.record(value, 1));
        times.record(5, 3);
        let said = serde_json::to_string(&times).unwrap();
        assert_eq!(said, r#"{"5":4,"69952":2}"#, "what is alike to three digits is one bucket");
        times.settle();
        assert_eq!(serde_json::to_string(&times).unwrap(), said, "and whatever is fresh counts at once");
    }

    #[test]
    fn what_another_machine_sends_is_put_into_buckets_and_bounds() {
        let sent = r#"{"1000000": 3, "1000001": 4, "18446744073709551615": 18446744073709551615}"#;
        let mut heard: Distribution = serde_json::from_str(sent).unwrap();
        assert_eq!(heard.counts.len(), 2, "two of the three are equal to three digits");
        assert_eq!(heard.quantile(0.0) / 1000, 1000);
        let again = heard.clone();
        heard.merge(&again);
        assert_eq!((heard.count(), heard.max() / 1_000_000), (u64::MAX, 3600), "nothing overflows");
    }

    #[test]
    fn an_empty_one_has_no_values() {
        let empty = Distribution::default();
        assert_eq!((empty.count(), empty.quantile(0.5), empty.max()), (0, 0, 0));
    }

    #[test]
    fn what_lasts_for_longer_than_an_hour_counts_as_an_hour() {
        let mut times = Distribution::default();
        times.record_time(Duration::from_secs(1_000_000));
        assert_eq!(times.quantile(0.5) / 1_000_000, 3600);
    }
}
