//! What was counted since the last time that somebody asked.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Row, Vitals};
use crate::hostile::HostileRecord;

/// News that are kept of one batch, at most: a server that dies has as much to say for each bot.
const INCIDENTS: usize = 64;

/// What a thread or an agent hands over, about once a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// Counts, by second and group. A second may come again with more.
    pub rows: Vec<(u32, u16, Row)>,
    /// What the swarm itself cost, by second.
    pub vitals: Vec<(u32, Vitals)>,
    /// What hostile bots did since the last batch, by kind.
    pub hostile: BTreeMap<String, HostileRecord>,
    /// What happened, and how long after the start in milliseconds.
    pub incidents: Vec<(u64, String)>,
    /// Steps a second in the rooms that bots joined.
    pub tick_hz: u32,
    /// Bots on a seat just now.
    pub playing: u64,
    /// Bots that will do nothing more.
    pub over: u64,
}

impl Batch {
    /// Adds another thread's batch of the same moment.
    pub fn merge(&mut self, other: Self) {
        let Self { rows, vitals, hostile, incidents, tick_hz, playing, over } = other;
        self.rows.extend(rows);
        self.vitals.extend(vitals);
        for (kind, record) in hostile {
            self.hostile.entry(kind).or_default().merge(&record);
        }
        self.incidents.extend(incidents);
        self.incidents.truncate(INCIDENTS);
        self.tick_hz = self.tick_hz.max(tick_hz);
        self.playing += playing;
        self.over += over;
    }
}

/// Where a thread's bots count.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    rows: BTreeMap<(u32, u16), Row>,
    rest: Batch,
}

impl Recorder {
    /// The counts of the second in which this moment lies.
    pub(crate) fn row(&mut self, at: Duration, group: u16) -> &mut Row {
        self.rows.entry((second(at), group)).or_default()
    }

    /// What the swarm itself cost in the second in which this moment lies.
    pub(crate) fn push_vitals(&mut self, at: Duration, vitals: Vitals) {
        self.rest.vitals.push((second(at), vitals));
    }

    /// Something happened that a person should read of.
    pub(crate) fn push_incident(&mut self, at: Duration, what: String) {
        if self.rest.incidents.len() < INCIDENTS {
            self.rest.incidents.push((at.as_millis() as u64, what));
        }
    }

    /// What a hostile bot did since it was last told of.
    pub(crate) fn push_hostile(&mut self, kind: &str, record: &HostileRecord) {
        self.rest.hostile.entry(kind.to_owned()).or_default().merge(record);
    }

    /// A bot sits down in a room of this tick rate.
    pub(crate) fn sit_down(&mut self, tick_hz: u32) {
        self.rest.tick_hz = self.rest.tick_hz.max(tick_hz);
        self.rest.playing += 1;
    }

    /// A bot has no seat any more.
    pub(crate) const fn stand_up(&mut self) {
        self.rest.playing = self.rest.playing.saturating_sub(1);
    }

    /// A bot will do nothing more.
    pub(crate) const fn end(&mut self) {
        self.rest.over += 1;
    }

    /// Everything that was counted since the last time.
    pub(crate) fn take(&mut self) -> Batch {
        let rows = std::mem::take(&mut self.rows);
        let settled = |((second, group), mut row): ((u32, u16), Row)| {
            row.settle();
            (second, group, row)
        };
        let rows = rows.into_iter().map(settled).collect();
        let Batch { tick_hz, playing, over, .. } = self.rest;
        let now = Batch { tick_hz, playing, over, ..Batch::default() };
        Batch { rows, ..std::mem::replace(&mut self.rest, now) }
    }
}

fn second(at: Duration) -> u32 {
    at.as_secs() as u32
}
