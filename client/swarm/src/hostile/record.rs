//! What came of a hostile bot's lives.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Counts of one hostile bot, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostileRecord {
    /// How often it came; of half-open handshakes, how many were begun.
    pub lives: u64,
    /// Datagrams and messages that it sent; of half-open handshakes, packets.
    pub sent: u64,
    /// How its lives ended that were not cut short by the end of the run: by the close reason's name, or `lost`, `no_answer`,
    /// `connect_failed`.
    pub closes: BTreeMap<String, u64>,
}

impl HostileRecord {
    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        self.lives += other.lives;
        self.sent += other.sent;
        for (name, count) in &other.closes {
            *self.closes.entry(name.clone()).or_default() += count;
        }
    }

    /// A life ended so.
    pub(super) fn count(&mut self, end: &str) {
        *self.closes.entry(end.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_records_count_everything_once() {
        let record = |ends: &[&'static str]| {
            let mut record = HostileRecord { lives: 3, sent: 10, ..HostileRecord::default() };
            ends.iter().for_each(|end| record.count(end));
            record
        };
        let mut all = record(&["malformed", "lost"]);
        all.merge(&record(&["malformed"]));
        assert_eq!((all.lives, all.sent), (6, 20));
        assert_eq!(all.closes, BTreeMap::from([("lost".to_owned(), 1), ("malformed".to_owned(), 2)]));
    }
}
