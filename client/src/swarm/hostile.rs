//! Bots that mean harm, and what became of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one kind of hostile bots did, and how the server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostileRecord {
    /// How often one of them came.
    pub lives: u64,
    /// How many packets or messages they sent.
    pub sent: u64,
    /// How their connections ended, by reason.
    pub closes: BTreeMap<String, u64>,
}

impl HostileRecord {
    /// Adds another one's.
    pub fn merge(&mut self, other: &Self) {
        self.lives += other.lives;
        self.sent += other.sent;
        for (reason, count) in &other.closes {
            *self.closes.entry(reason.clone()).or_default() += count;
        }
    }
}
