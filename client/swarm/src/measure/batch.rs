//! The counts since the last collection, and the recorder to which bots add them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Row, SelfLoad};
use crate::hostile::HostileRecord;

/// Maximum number of incidents in one batch: a server that dies causes an incident for each bot.
const MAX_INCIDENTS: usize = 64;

/// The counts of a thread, of an agent or of all of them together, collected about once a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// Counts by second and group. A second may occur in several batches, which add up.
    pub rows: Vec<GroupSecond>,
    /// The swarm's own load, by second.
    // The name on the wire since protocol 1.
    #[serde(rename = "vitals")]
    pub self_load: Vec<(u32, SelfLoad)>,
    /// Actions of hostile bots since the last batch, by kind.
    pub hostile: BTreeMap<String, HostileRecord>,
    /// Incidents: milliseconds after the start, and a sentence.
    pub incidents: Vec<(u64, String)>,
    /// Tick rate of the rooms that bots joined, in hertz.
    pub tick_hz: u32,
    /// Number of bots that hold a seat at the time of the collection.
    pub playing: u64,
    /// Number of bots that have ended since the run's start.
    // The name on the wire since protocol 1.
    #[serde(rename = "over")]
    pub finished: u64,
}

/// The counts of one second and one group: the second since the start, the index of the group in the plan, and the counts. A tuple,
/// because a message between machines has them as an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSecond(pub u32, pub u16, pub Row);

impl Batch {
    /// Adds the batch of another thread or agent, collected at the same time.
    pub fn merge(&mut self, other: Self) {
        let Self { rows, self_load, hostile, incidents, tick_hz, playing, finished } = other;
        self.rows.extend(rows);
        self.self_load.extend(self_load);
        for (kind, record) in hostile {
            self.hostile.entry(kind).or_default().merge(&record);
        }
        self.incidents.extend(incidents);
        self.incidents.truncate(MAX_INCIDENTS);
        self.tick_hz = self.tick_hz.max(tick_hz);
        self.playing += playing;
        self.finished += finished;
    }
}

/// Collects the counts of one thread's bots.
#[derive(Debug, Default)]
pub(crate) struct CountRecorder {
    /// The rows since the last collection, by second and group.
    rows: BTreeMap<(u32, u16), Row>,
    /// All other parts of the next batch; without rows.
    rest: Batch,
}

impl CountRecorder {
    /// Returns the row of a group in the second of this time.
    pub(crate) fn row(&mut self, at: Duration, group: u16) -> &mut Row {
        self.rows.entry((second(at), group)).or_default()
    }

    /// Records the swarm's own load in the second of this time.
    pub(crate) fn push_self_load(&mut self, at: Duration, self_load: SelfLoad) {
        self.rest.self_load.push((second(at), self_load));
    }

    /// Records an incident for the report.
    pub(crate) fn push_incident(&mut self, at: Duration, text: String) {
        if self.rest.incidents.len() < MAX_INCIDENTS {
            self.rest.incidents.push((at.as_millis() as u64, text));
        }
    }

    /// Records the actions of a hostile bot since its last record.
    pub(crate) fn push_hostile(&mut self, kind: &str, record: &HostileRecord) {
        self.rest.hostile.entry(kind.to_owned()).or_default().merge(record);
    }

    /// Counts a bot that got a seat, in a room with this tick rate in hertz.
    pub(crate) fn bot_seated(&mut self, tick_hz: u32) {
        self.rest.tick_hz = self.rest.tick_hz.max(tick_hz);
        self.rest.playing += 1;
    }

    /// Counts a bot that lost or left its seat.
    pub(crate) const fn bot_unseated(&mut self) {
        self.rest.playing = self.rest.playing.saturating_sub(1);
    }

    /// Counts a bot that has ended.
    pub(crate) const fn bot_finished(&mut self) {
        self.rest.finished += 1;
    }

    /// Takes the counts since the last call. The numbers of playing and finished bots and the tick rate stay for the next batch.
    pub(crate) fn take(&mut self) -> Batch {
        let rows = std::mem::take(&mut self.rows);
        let settled = |((second, group), mut row): ((u32, u16), Row)| {
            row.settle();
            GroupSecond(second, group, row)
        };
        let rows = rows.into_iter().map(settled).collect();
        let Batch { tick_hz, playing, finished, .. } = self.rest;
        let now = Batch { tick_hz, playing, finished, ..Batch::default() };
        Batch { rows, ..std::mem::replace(&mut self.rest, now) }
    }
}

fn second(at: Duration) -> u32 {
    at.as_secs() as u32
}
