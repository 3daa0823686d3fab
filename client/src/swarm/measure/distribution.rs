//! How often which value was seen: an HDR histogram of three digits that takes memory only for what was seen.
//!
//! Each second of a run has several of these, and agents send theirs over the network, so empty buckets must cost nothing. Where a
//! bucket begins is the HDR library's own rule, so two of them merge exactly, wherever they were filled.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The largest value: an hour of microseconds. Whatever is more counts as this.
const MOST: u64 = 3_600_000_000;

/// Says which values are equal to three digits; nothing is ever recorded in it.
static RULER: LazyLock<Histogram<u8>> = LazyLock::new(|| {
    Histogram::new_with_max(MOST, 3).expect("an hour to three digits is within what a histogram takes")
});

/// How often which value was seen. Values are integers: microseconds, or thousandths of whatever else is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Distribution {
    /// Counts by the least value of their bucket.
    counts: BTreeMap<u64, u64>,
}

impl Distribution {
    /// Notes a value `times` times.
    pub fn record(&mut self, value: u64, times: u64) {
        if times > 0 {
            *self.counts.entry(RULER.lowest_equivalent(value.min(MOST))).or_default() += times;
        }
    }

    /// Notes a time.
    pub fn record_time(&mut self, time: Duration) {
        self.record(time.as_micros().min(u128::from(MOST)) as u64, 1);
    }

    /// Adds what another one saw.
    pub fn merge(&mut self, other: &Self) {
        for (value, count) in &other.counts {
            *self.counts.entry(*value).or_default() += count;
        }
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many values were seen.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The least value that so many (0..=1) of those seen do not pass: the upper end of its bucket, as HDR histograms have it; 0 when
    /// nothing was seen.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        let rank = ((self.count() as f64 * quantile).ceil() as u64).max(1);
        let mut below = 0;
        let reaches = |(_, count): &(&u64, &u64)| {
            below += **count;
            below >= rank
        };
        let found = self.counts.iter().find(reaches).or_else(|| self.counts.last_key_value());
        found.map_or(0, |(value, _)| RULER.highest_equivalent(*value))
    }

    /// The greatest value; 0 when nothing was seen.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.quantile(1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_hdr_library(
            values in prop::collection::vec(0..MOST, 1..200),
            quantile in 0.0..=1.0_f64,
        ) {
            let (mut ours, mut theirs) = (Distribution::default(), Histogram::<u64>::new_with_max(MOST, 3).unwrap());
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
            values in prop::collection::vec((0..MOST, any::<bool>()), 0..200),
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
