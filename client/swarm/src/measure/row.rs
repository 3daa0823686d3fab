//! What was counted in one second of a run. Rows add up: of bots to threads, of threads to processes, of seconds to the whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
};

use quarrel_shared::{game::Deed, id::RoomId, tick::Tick};
use serde::{Deserialize, Serialize};

use super::Distribution;

/// One second's counts of one group of bots. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// From the intended sending of an input to the first snapshot that says that it, or a later one, was used.
    pub input_ack: Distribution,
    /// How old the newest snapshot was at each of those moments.
    pub snapshot_age: Distribution,
    /// From one applied snapshot to the next.
    pub snapshot_gap: Distribution,
    /// From when a bot was meant to come to its seat.
    pub join: Distribution,
    /// How far own things were from where they had been predicted, in 1/1000 unit.
    pub correction: Distribution,
    /// How late inputs were sent by this swarm.
    pub lag: Distribution,
    /// Everything that is just counted.
    pub counts: Counts,
    /// How connections ended, by reason.
    pub closes: BTreeMap<String, u64>,
    /// Ends of matches, by room and tick: everybody in the room sees the same one.
    pub finishes: BTreeSet<(u64, u32)>,
}

/// What is just counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Bots that got a seat.
    pub joined: u64,
    /// Bots that got none.
    pub refused: u64,
    /// Bots that lost theirs.
    pub disconnected: u64,
    /// Connections that broke.
    pub interrupted: u64,
    /// Connections that were followed by another one on the same seat.
    pub resumes: u64,
    /// How long bots had their seats.
    pub played_us: u64,
    /// Inputs that were meant to be sent.
    pub inputs: u64,
    /// Those that were waited for in vain.
    pub inputs_unacked: u64,
    /// Moments at which a screen was looked at.
    pub looks: u64,
    /// Those at which everything stood still on it.
    pub frozen: u64,
    /// Snapshots applied.
    pub snapshots: u64,
    /// Snapshots that were never applied.
    pub snapshots_lost: u64,
    /// Events that never came.
    pub events_lost: u64,
    /// Events that came twice.
    pub events_doubled: u64,
    /// UDP payload received.
    pub bytes_down: u64,
    /// UDP payload sent.
    pub bytes_up: u64,
    /// Weapons used.
    pub shots: u64,
    /// Strikes that met somebody.
    pub hits: u64,
    /// Strikes that somebody fell to.
    pub eliminations: u64,
}

impl Row {
    /// Counts a deed that was seen in this room at this tick.
    pub fn push_deed(&mut self, deed: Deed, room: RoomId, tick: Tick) {
        match deed {
            Deed::Shot => self.counts.shots += 1,
            Deed::Hit => self.counts.hits += 1,
            Deed::Elimination => self.counts.eliminations += 1,
            Deed::MatchFinished => {
                self.finishes.insert((room.0, tick.0));
            }
        }
    }

    /// Counts the end of a connection.
    pub fn push_close(&mut self, reason: &str) {
        *self.closes.entry(reason.to_owned()).or_default() += 1;
    }

    /// Readies it for those who read it: see [`Distribution::settle`].
    pub fn settle(&mut self) {
        let Self { input_ack, snapshot_age, snapshot_gap, join, correction, lag, .. } = self;
        [input_ack, snapshot_age, snapshot_gap, join, correction, lag]
            .into_iter()
            .for_each(Distribution::settle);
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        let Self { input_ack, snapshot_age, snapshot_gap, join, correction, lag, counts, closes, finishes } =
            self;
        input_ack.merge(&other.input_ack);
        snapshot_age.merge(&other.snapshot_age);
        snapshot_gap.merge(&other.snapshot_gap);
        join.merge(&other.join);
        correction.merge(&other.correction);
        lag.merge(&other.lag);
        *counts += other.counts;
        for (reason, count) in &other.closes {
            *closes.entry(reason.clone()).or_default() += count;
        }
        finishes.extend(&other.finishes);
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        // Taken apart, so that no field can be forgotten.
        let Self {
            joined,
            refused,
            disconnected,
            interrupted,
            resumes,
            played_us,
            inputs,
            inputs_unacked,
            looks,
            frozen,
            snapshots,
            snapshots_lost,
            events_lost,
            events_doubled,
            bytes_down,
            bytes_up,
            shots,
            hits,
            eliminations,
        } = other;
        self.joined += joined;
        self.refused += refused;
        self.disconnected += disconnected;
        self.interrupted += interrupted;
        self.resumes += resumes;
        self.played_us += played_us;
        self.inputs += inputs;
        self.inputs_unacked += inputs_unacked;
        self.looks += looks;
        self.frozen += frozen;
        self.snapshots += snapshots;
        self.snapshots_lost += snapshots_lost;
        self.events_lost += events_lost;
        self.events_doubled += events_doubled;
        self.bytes_down += bytes_down;
        self.bytes_up += bytes_up;
        self.shots += shots;
        self.hits += hits;
        self.eliminations += eliminations;
    }
}
