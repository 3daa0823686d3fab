//! The state of a match, visible to all seats: map, time limit and team scores.
//!
//! (`match` is a keyword, hence the file's name.)

use super::{
    coding::{read_if_changed, write_if_changed},
    settings::Mode,
    team::Team,
};
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    tick::Tick,
};

/// One match of a room.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Match {
    /// Seed of its map.
    pub seed: u64,
    /// The teams.
    pub mode: Mode,
    /// Whether it is in play or over.
    pub phase: Phase,
    /// The latest tick of the phase.
    pub ends: Tick,
    /// Number of earlier matches in this room.
    pub number: u32,
    /// The eliminations of red and blue together; zeros in a free-for-all.
    pub team_scores: [u16; Team::COUNT],
}

/// Whether a match is in play or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Phase {
    /// Weapons work, eliminations count.
    Playing,
    /// The result is shown; fighters may walk and take pickups, weapons do not work.
    Result,
}

impl Match {
    /// Whether weapons work in this tick, as far as is known now: a match may be won earlier.
    pub(super) fn is_played_in(&self, tick: Tick) -> bool {
        self.phase == Phase::Playing && tick <= self.ends
    }

    /// Whether the phase's time is over with this tick.
    pub(super) fn is_due(&self, tick: Tick) -> bool {
        tick >= self.ends
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        out.write_u64(self.seed);
        out.write_bool(self.mode == Mode::Teams);
        out.write_bool(self.phase == Phase::Result);
        out.write_var(self.ends.0, TICK_ORDER);
        out.write_var(self.number, NUMBER_ORDER);
        for score in self.team_scores {
            out.write_bits(score.into(), 16);
        }
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            seed: from.read_u64()?,
            mode: if from.read_bool()? { Mode::Teams } else { Mode::FreeForAll },
            phase: if from.read_bool()? { Phase::Result } else { Phase::Playing },
            ends: Tick(from.read_var(TICK_ORDER)?),
            number: from.read_var(NUMBER_ORDER)?,
            team_scores: [from.read_bits(16)? as u16, from.read_bits(16)? as u16],
        })
    }

    /// Between the start and the end of a match only the team scores change; any other difference is written as a full state.
    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        let is_same = Self { team_scores: self.team_scores, ..expected.clone() } == *self;
        out.write_bool(is_same);
        if is_same {
            for (score, old) in self.team_scores.into_iter().zip(expected.team_scores) {
                write_if_changed(score, old, NUMBER_ORDER, out);
            }
        } else {
            self.encode(out);
        }
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        if !from.read_bool()? {
            return Self::decode(from);
        }
        let [red, blue] = expected.team_scores;
        let team_scores =
            [read_if_changed(red, NUMBER_ORDER, from)?, read_if_changed(blue, NUMBER_ORDER, from)?];
        Ok(Self { team_scores, ..expected.clone() })
    }
}

const TICK_ORDER: u32 = 16;
const NUMBER_ORDER: u32 = 4;
