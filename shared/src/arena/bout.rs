//! The match itself as everybody knows it: what it is played on, for how long still, and how the teams stand.
//!
//! (`match` is a keyword, hence the file's name.)

use super::{
    coding::{read_if_new, write_if_new},
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
    /// What its map is made from.
    pub seed: u64,
    /// Who fights whom.
    pub mode: Mode,
    /// Whether it is played or over.
    pub phase: Phase,
    /// The tick at which the phase ends at the latest.
    pub ends: Tick,
    /// How many matches this room has played before.
    pub number: u32,
    /// The eliminations of red and blue together; zeros in a free-for-all.
    pub team_scores: [u16; Team::COUNT],
}

/// Whether a match is played or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Phase {
    /// Weapons work, eliminations count.
    Playing,
    /// The result is shown; fighters may walk, nobody is hurt.
    Result,
}

impl Match {
    /// Whether weapons work in this tick, as far as is known now: nobody knows who will have won by then.
    pub(super) fn is_played_in(&self, tick: Tick) -> bool {
        self.phase == Phase::Playing && tick <= self.ends
    }

    /// Whether the phase's time is up with this tick.
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

    /// Within a match only the teams' scores change; anything else travels whole.
    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        let is_same = Self { team_scores: self.team_scores, ..expected.clone() } == *self;
        out.write_bool(is_same);
        if is_same {
            for (score, old) in self.team_scores.into_iter().zip(expected.team_scores) {
                write_if_new(score, old, NUMBER_ORDER, out);
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
        let team_scores = [read_if_new(red, NUMBER_ORDER, from)?, read_if_new(blue, NUMBER_ORDER, from)?];
        Ok(Self { team_scores, ..expected.clone() })
    }
}

const TICK_ORDER: u32 = 16;
const NUMBER_ORDER: u32 = 4;
