//! What only a fighter's own seat knows of it: the quiver, and how long until this and that.

use super::coding::{read_if_new, read_var, write_if_new};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
};

/// A seat's private state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kit {
    /// Whose it is.
    pub seat: SeatId,
    /// Bolts and arrows left: 0 to [`Self::MOST_QUIVER`].
    pub quiver: u8,
    /// Ticks until a weapon can be used again.
    pub busy_ticks: u16,
    /// For how many ticks the longbow has been drawn.
    pub drawn_ticks: u16,
    /// Ticks until a fallen fighter appears again.
    pub respawn_ticks: u16,
}

impl Kit {
    /// The most that a quiver holds.
    pub const MOST_QUIVER: u8 = 30;
    /// What a fighter appears with.
    pub const FIRST_QUIVER: u8 = 20;

    /// The kit of a fighter that has just appeared.
    pub(super) const fn fresh(seat: SeatId) -> Self {
        Self { seat, quiver: Self::FIRST_QUIVER, busy_ticks: 0, drawn_ticks: 0, respawn_ticks: 0 }
    }

    /// A tick of waiting to appear again.
    pub(super) const fn wait(&mut self) {
        self.respawn_ticks = self.respawn_ticks.saturating_sub(1);
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        for (value, order) in self.numbers() {
            out.write_var(u32::from(value), order);
        }
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            seat: SeatId::decode(from)?,
            quiver: read_var(QUIVER_ORDER, from)?,
            busy_ticks: read_var(TICKS_ORDER, from)?,
            drawn_ticks: read_var(TICKS_ORDER, from)?,
            respawn_ticks: read_var(TICKS_ORDER, from)?,
        })
    }

    /// Itself later: waits run down, a drawn bow stays drawn.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let ticks = u16::try_from(ticks).unwrap_or(u16::MAX);
        Self {
            busy_ticks: self.busy_ticks.saturating_sub(ticks),
            drawn_ticks: if self.drawn_ticks > 0 { self.drawn_ticks.saturating_add(ticks) } else { 0 },
            respawn_ticks: self.respawn_ticks.saturating_sub(ticks),
            ..*self
        }
    }

    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        for ((value, order), (old, _)) in self.numbers().into_iter().zip(expected.numbers()) {
            write_if_new(value, old, order, out);
        }
        write_if_new(self.seat.0, expected.seat.0, QUIVER_ORDER, out);
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            quiver: read_if_new(expected.quiver, QUIVER_ORDER, from)?,
            busy_ticks: read_if_new(expected.busy_ticks, TICKS_ORDER, from)?,
            drawn_ticks: read_if_new(expected.drawn_ticks, TICKS_ORDER, from)?,
            respawn_ticks: read_if_new(expected.respawn_ticks, TICKS_ORDER, from)?,
            seat: SeatId(read_if_new(expected.seat.0, QUIVER_ORDER, from)?),
        })
    }

    /// Each number with the order of its code.
    fn numbers(&self) -> [(u16, u32); 4] {
        [
            (self.quiver.into(), QUIVER_ORDER),
            (self.busy_ticks, TICKS_ORDER),
            (self.drawn_ticks, TICKS_ORDER),
            (self.respawn_ticks, TICKS_ORDER),
        ]
    }
}

const QUIVER_ORDER: u32 = 4;
/// Half a second at 30 Hz is 15 ticks.
const TICKS_ORDER: u32 = 4;
