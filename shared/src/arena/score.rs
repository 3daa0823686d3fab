//! How a seat is doing in this match: everybody may know.

use super::{
    coding::{read_if_new, read_var, write_if_new},
    team::Team,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
};

/// One seat's line on the score board.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Score {
    /// Whose it is.
    pub seat: SeatId,
    /// On which side it fights; `None` in a free-for-all.
    pub team: Option<Team>,
    /// Enemies struck down.
    pub eliminations: u16,
    /// Times struck down.
    pub deaths: u16,
}

impl Score {
    pub(super) const fn fresh(seat: SeatId, team: Option<Team>) -> Self {
        Self { seat, team, eliminations: 0, deaths: 0 }
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        self.team.encode(out);
        out.write_var(self.eliminations.into(), ORDER);
        out.write_var(self.deaths.into(), ORDER);
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            seat: SeatId::decode(from)?,
            team: Option::decode(from)?,
            eliminations: read_var(ORDER, from)?,
            deaths: read_var(ORDER, from)?,
        })
    }

    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        write_if_new(self.eliminations, expected.eliminations, ORDER, out);
        write_if_new(self.deaths, expected.deaths, ORDER, out);
        write_if_new(self.seat.0, expected.seat.0, ORDER, out);
        self.team.encode(out);
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            eliminations: read_if_new(expected.eliminations, ORDER, from)?,
            deaths: read_if_new(expected.deaths, ORDER, from)?,
            seat: SeatId(read_if_new(expected.seat.0, ORDER, from)?),
            team: Option::decode(from)?,
        })
    }
}

/// Most matches end before anybody has eight.
const ORDER: u32 = 3;
