//! Bots that mean harm, and what became of them.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use quarrel_shared::game::Predict;
use serde::{Deserialize, Serialize};

use super::{crew::Crew, plan::Target};

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

/// What.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostileKind {
    /// It.
    Garbage,
    /// Is.
    Flood,
}

impl FromStr for HostileKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "flood" { Ok(Self::Flood) } else { Err("garbage, flood".to_owned()) }
    }
}

pub(super) async fn assail<G: Predict>(_: HostileKind, _: Target, _: u32, crew: Arc<Crew>) {
    crew.stop.cancelled().await;
}
