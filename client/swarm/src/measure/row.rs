//! The counts of one second of a run. Rows can be added up over bots, threads, processes and seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
};

use quarrel_shared::{game::GameMetric, id::RoomId, tick::Tick};
use serde::{Deserialize, Serialize};

use super::Distribution;

/// The counts of one group of bots in one second. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Time from the scheduled send of an input to the first snapshot that acknowledges it or a later one.
    pub input_ack: Distribution,
    /// Age of the newest snapshot at each scheduled send.
    pub snapshot_age: Distribution,
    /// Time between two applied snapshots.
    pub snapshot_gap: Distribution,
    /// Time from a bot's scheduled start to its seat.
    pub join: Distribution,
    /// Distance between predicted and confirmed positions of own entities, in 1/1000 unit.
    pub correction: Distribution,
    /// Lateness of this swarm's sends of inputs, against their schedule.
    pub lag: Distribution,
    /// The plain counters.
    pub counts: Counts,
    /// Number of closed connections, lost seats and refused bots, by reason.
    pub closes: BTreeMap<String, u64>,
    /// Ends of matches, by room and tick. All bots of a room see the same end of a match, and a set counts it once.
    pub finishes: BTreeSet<(u64, u32)>,
}

/// The counters of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Number of bots that got a seat.
    pub joined: u64,
    /// Number of bots that got no seat.
    pub refused: u64,
    /// Number of times that a bot lost its seat before its scheduled end.
    pub disconnected: u64,
    /// Number of connections that broke.
    pub interrupted: u64,
    /// Number of broken connections that were resumed on the same seat.
    pub resumes: u64,
    /// Time that bots held their seats, in microseconds.
    pub played_us: u64,
    /// Number of scheduled inputs.
    pub inputs: u64,
    /// Number of scheduled inputs that were never acknowledged.
    pub inputs_unacked: u64,
    /// Number of scheduled sends of inputs at which the bot had snapshots to display.
    // The name on the wire since protocol 1.
    #[serde(rename = "looks")]
    pub display_samples: u64,
    /// Number of those sends at which the other players' entities stood still, because no newer snapshot had arrived.
    pub frozen: u64,
    /// Number of applied snapshots.
    pub snapshots: u64,
    /// Number of snapshots that were never applied: lost, or overtaken by a newer one.
    pub snapshots_lost: u64,
    /// Number of reliable events that never arrived.
    pub events_lost: u64,
    /// Number of reliable events that arrived twice.
    pub events_doubled: u64,
    /// UDP payload received, in bytes.
    pub bytes_down: u64,
    /// UDP payload sent, in bytes.
    pub bytes_up: u64,
    /// Number of shots and strikes.
    pub shots: u64,
    /// Number of hits on another player.
    pub hits: u64,
    /// Number of hits that eliminated a player.
    pub eliminations: u64,
}

impl Row {
    /// Counts a game metric that a bot saw in this room at this tick.
    pub fn push_metric(&mut self, metric: GameMetric, room: RoomId, tick: Tick) {
        match metric {
            GameMetric::Shot => self.counts.shots += 1,
            GameMetric::Hit => self.counts.hits += 1,
            GameMetric::Elimination => self.counts.eliminations += 1,
            GameMetric::MatchFinished => {
                self.finishes.insert((room.0, tick.0));
            }
        }
    }

    /// Counts the close of a connection, the loss of a seat or a refusal.
    pub fn push_close(&mut self, reason: &str) {
        *self.closes.entry(reason.to_owned()).or_default() += 1;
    }

    /// Sorts all distributions into buckets; see [`Distribution::settle`].
    pub fn settle(&mut self) {
        let Self { input_ack, snapshot_age, snapshot_gap, join, correction, lag, .. } = self;
        [input_ack, snapshot_age, snapshot_gap, join, correction, lag]
            .into_iter()
            .for_each(Distribution::settle);
    }

    /// Adds another row.
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
        // Destructured, so that no field can be forgotten.
        let Self {
            joined,
            refused,
            disconnected,
            interrupted,
            resumes,
            played_us,
            inputs,
            inputs_unacked,
            display_samples,
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
        self.display_samples += display_samples;
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
