//! The counts of hostile bots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The counts of one or more hostile bots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostileRecord {
    /// Number of sessions started; for the half-open attack, of handshakes.
    pub lives: u64,
    /// Number of datagrams and messages sent; for the half-open attack, of packets.
    pub sent: u64,
    /// Number of ended sessions by the name of the close reason, or by `lost`, `no_answer`, `connect_failed`. Sessions that the end of the
    /// run cut short are not counted.
    pub closes: BTreeMap<String, u64>,
}

impl HostileRecord {
    /// Adds the counts of another bot.
    pub fn merge(&mut self, other: &Self) {
        self.lives += other.lives;
        self.sent += other.sent;
        for (name, count) in &other.closes {
            *self.closes.entry(name.clone()).or_default() += count;
        }
    }

    /// Counts the end of a session.
    pub(super) fn count_end(&mut self, end: &str) {
        *self.closes.entry(end.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_records_add_up() {
        let record = |ends: &[&'static str]| {
            let mut record = HostileRecord { lives: 3, sent: 10, ..HostileRecord::default() };
            ends.iter().for_each(|end| record.count_end(end));
            record
        };
        let mut all = record(&["malformed", "lost"]);
        all.merge(&record(&["malformed"]));
        assert_eq!((all.lives, all.sent), (6, 20));
        assert_eq!(all.closes, BTreeMap::from([("lost".to_owned(), 1), ("malformed".to_owned(), 2)]));
    }
}
