//! A seat's score in this match, visible to all seats.

use super::{
    coding::{read_if_changed, read_var, write_if_changed},
    team::Team,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
};

/// One seat's line on the score board.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Score {
    /// The seat that owns it.
    pub seat: SeatId,
    /// Its team; `None` in a free-for-all.
    pub team: Option<Team>,
    /// Enemies eliminated.
    pub eliminations: u16,
    /// Times eliminated.
    pub deaths: u16,
}

impl Score {
    pub(super) const fn new(seat: SeatId, team: Option<Team>) -> Self {
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
        write_if_changed(self.eliminations, expected.eliminations, ORDER, out);
        write_if_changed(self.deaths, expected.deaths, ORDER, out);
        write_if_changed(self.seat.0, expected.seat.0, ORDER, out);
        self.team.encode(out);
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            eliminations: read_if_changed(expected.eliminations, ORDER, from)?,
            deaths: read_if_changed(expected.deaths, ORDER, from)?,
            seat: SeatId(read_if_changed(expected.seat.0, ORDER, from)?),
            team: Option::decode(from)?,
        })
    }
}

/// Most matches end before a seat has eight eliminations.
const ORDER: u32 = 3;
