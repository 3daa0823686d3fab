//! A histogram with the buckets of an HDR (high dynamic range) histogram of three significant digits, which stores only non-empty buckets.
//!
//! Each second of a run has several distributions, and agents send theirs over the network, so empty buckets must cost nothing. The bucket
//! bounds are those of the HDR library on every machine, so two distributions merge without loss.
//!
//! A thousand bots record 100,000 values a second, so recording only appends to a buffer. Sorting some hundred values at a time into
//! buckets is much cheaper than a bucket search for each value.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest value: an hour in microseconds. Larger values are recorded as this one.
const MAX_VALUE: u32 = 3_600_000_000;

/// Maximum number of unsorted values: 512 * 4 bytes = 2 kB, which are sorted while they are in the CPU's cache.
const MAX_UNSORTED: usize = 512;

/// An empty HDR histogram, used only for its bucket bounds.
static BUCKET_BOUNDS: LazyLock<Histogram<u8>> = LazyLock::new(|| {
    Histogram::new_with_max(MAX_VALUE.into(), 3)
        .expect("a histogram supports an hour of microseconds to three digits")
});

/// A histogram. Values are integers: microseconds, or thousandths of another unit.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// Counts by the smallest value of their bucket.
    counts: BTreeMap<u64, u64>,
    /// Values that are not sorted into buckets yet.
    unsorted: Vec<u32>,
}

impl Distribution {
    /// Records a value `times` times.
    pub fn record(&mut self, value: u64, times: u64) {
        let value = clamp(value);
        match times {
            0 => {}
            1 => self.push(value),
            _ => self.add(value, times),
        }
    }

    /// Records a duration in microseconds.
    pub fn record_time(&mut self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), 1);
    }

    /// Sorts the recorded values into buckets. This changes no result; it only makes later reads cheaper.
    pub fn settle(&mut self) {
        let mut unsorted = std::mem::take(&mut self.unsorted);
        // Sorted values that share a bucket are neighbours.
        unsorted.sort_unstable();
        for same_bucket in unsorted.chunk_by(|one, next| bucket(*one) == bucket(*next)) {
            if let Some(value) = same_bucket.first() {
                self.add(*value, same_bucket.len() as u64);
            }
        }
        unsorted.clear();
        self.unsorted = unsorted;
    }

    /// Adds the counts of another distribution. Counts saturate at `u64::MAX`.
    pub fn merge(&mut self, other: &Self) {
        for (value, count) in &other.settled().counts {
            let sum = self.counts.entry(*value).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Whether no value was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.unsorted.is_empty()
    }

    /// Returns the number of recorded values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().fold(self.unsorted.len() as u64, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the smallest value that at least a share `quantile` (0..=1) of the recorded values does not exceed. The result is the upper
    /// end of that value's bucket, as HDR histograms define quantiles; 0 for an empty distribution.
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
        found.map_or(0, |(value, _)| BUCKET_BOUNDS.highest_equivalent(*value))
    }

    /// Returns the upper end of the largest value's bucket; 0 for an empty distribution.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.quantile(1.0)
    }

    fn push(&mut self, value: u32) {
        if self.unsorted.len() == MAX_UNSORTED {
            self.settle();
        }
        self.unsorted.push(value);
    }

    fn add(&mut self, value: u32, times: u64) {
        let sum = self.counts.entry(bucket(value)).or_default();
        *sum = sum.saturating_add(times);
    }

    /// Returns the distribution with all values in buckets.
    fn settled(&self) -> Cow<'_, Self> {
        if self.unsorted.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }
}

fn clamp(value: u64) -> u32 {
    u32::try_from(value).map_or(MAX_VALUE, |value| value.min(MAX_VALUE))
}

/// Returns the smallest value of this value's bucket.
fn bucket(value: u32) -> u64 {
    BUCKET_BOUNDS.lowest_equivalent(value.into())
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.settled().counts == other.settled().counts
    }
}

impl Eq for Distribution {}

/// Serializes as a map from the smallest value of each bucket to its count.
impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.settled().counts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut distribution = Self::default();
        for (value, times) in BTreeMap::<u64, u64>::deserialize(deserializer)? {
            // A faulty sender may use other buckets. Values are sorted into this side's fixed number of buckets, so the memory is bounded.
            distribution.add(clamp(value), times);
        }
        Ok(distribution)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of which some share a bucket, as most values of a run do.
    fn values() -> impl Strategy<Value = u64> {
        prop_oneof![0..3000_u64, 0..u64::from(MAX_VALUE)]
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_hdr_library(
            values in prop::collection::vec(0..u64::from(MAX_VALUE), 1..2 * MAX_UNSORTED),
            quantile in 0.0..=1.0_f64,
        ) {
            let (mut ours, mut theirs) = (Distribution::default(), Histogram::<u64>::new_with_max(MAX_VALUE.into(), 3).unwrap());
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
            values in prop::collection::vec((values(), any::<bool>()), 0..4 * MAX_UNSORTED),
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
    fn a_distribution_is_serialized_as_counts_by_value_in_order() {
        let mut times = Distribution::default();
        [70_001, 5, 70_000].into_iter().for_each(|value| times.record(value, 1));
        times.record(5, 3);
        let json = serde_json::to_string(&times).unwrap();
        assert_eq!(json, r#"{"5":4,"69952":2}"#, "values equal to three digits share a bucket");
        times.settle();
        assert_eq!(serde_json::to_string(&times).unwrap(), json, "sorting does not change the result");
    }

    #[test]
    fn values_from_another_machine_are_clamped_and_sorted_into_buckets() {
        let sent = r#"{"1000000": 3, "1000001": 4, "18446744073709551615": 18446744073709551615}"#;
        let mut received: Distribution = serde_json::from_str(sent).unwrap();
        assert_eq!(received.counts.len(), 2, "two of the three values share a bucket");
        assert_eq!(received.quantile(0.0) / 1000, 1000);
        let again = received.clone();
        received.merge(&again);
        assert_eq!((received.count(), received.max() / 1_000_000), (u64::MAX, 3600), "sums saturate");
    }

    #[test]
    fn an_empty_distribution_has_no_values() {
        let empty = Distribution::default();
        assert_eq!((empty.count(), empty.quantile(0.5), empty.max()), (0, 0, 0));
    }

    #[test]
    fn a_duration_above_an_hour_counts_as_an_hour() {
        let mut times = Distribution::default();
        times.record_time(Duration::from_secs(1_000_000));
        assert_eq!(times.quantile(0.5) / 1_000_000, 3600);
    }
}
