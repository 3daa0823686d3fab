//! A fighter's private state, replicated only to the player who owns it: ammunition and timers, and their wire encoding.

use super::coding::{read_if_changed, read_var, write_if_changed};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
};

/// The ammunition and the timers of one seat's fighter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kit {
    /// The seat that owns it.
    pub seat: SeatId,
    /// Bolts and arrows left: 0 to [`Self::MAX_QUIVER`].
    pub quiver: u8,
    /// Ticks until a weapon can be used again (cooldown).
    pub busy_ticks: u16,
    /// Ticks for which the longbow has been drawn; 0 if it is not drawn.
    pub drawn_ticks: u16,
    /// Ticks until an eliminated fighter respawns.
    pub respawn_ticks: u16,
}

impl Kit {
    /// Capacity of a quiver, in bolts and arrows.
    pub const MAX_QUIVER: u8 = 30;
    /// Bolts and arrows after a respawn.
    pub const INITIAL_QUIVER: u8 = 20;

    /// Creates a fresh kit, as after a spawn.
    pub(super) const fn new(seat: SeatId) -> Self {
        Self { seat, quiver: Self::INITIAL_QUIVER, busy_ticks: 0, drawn_ticks: 0, respawn_ticks: 0 }
    }

    /// Decrements the respawn timer by one tick.
    pub(super) const fn count_down_respawn(&mut self) {
        self.respawn_ticks = self.respawn_ticks.saturating_sub(1);
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        for (value, order) in self.coded_fields() {
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

    /// Returns the kit predicted `ticks` later if nothing else happens: timers count down, and a drawn bow keeps being drawn.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let ticks = u16::try_from(ticks).unwrap_or(u16::MAX);
        Self {
            busy_ticks: self.busy_ticks.saturating_sub(ticks),
            drawn_ticks: if self.drawn_ticks > 0 { self.drawn_ticks.saturating_add(ticks) } else { 0 },
            respawn_ticks: self.respawn_ticks.saturating_sub(ticks),
            ..*self
        }
    }

    /// Writes the fields that differ from `expected`, the extrapolated baseline. The seat hardly ever changes, so it is last here.
    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        for ((value, order), (old, _)) in self.coded_fields().into_iter().zip(expected.coded_fields()) {
            write_if_changed(value, old, order, out);
        }
        write_if_changed(self.seat.0, expected.seat.0, SEAT_ORDER, out);
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            quiver: read_if_changed(expected.quiver, QUIVER_ORDER, from)?,
            busy_ticks: read_if_changed(expected.busy_ticks, TICKS_ORDER, from)?,
            drawn_ticks: read_if_changed(expected.drawn_ticks, TICKS_ORDER, from)?,
            respawn_ticks: read_if_changed(expected.respawn_ticks, TICKS_ORDER, from)?,
            seat: SeatId(read_if_changed(expected.seat.0, SEAT_ORDER, from)?),
        })
    }

    /// The fields after the seat, each with the order of its Exp-Golomb code.
    fn coded_fields(&self) -> [(u16, u32); 4] {
        [
            (self.quiver.into(), QUIVER_ORDER),
            (self.busy_ticks, TICKS_ORDER),
            (self.drawn_ticks, TICKS_ORDER),
            (self.respawn_ticks, TICKS_ORDER),
        ]
    }
}

/// Exp-Golomb order of a changed seat: those below 2^4 take the shortest code.
const SEAT_ORDER: u32 = 4;
/// Exp-Golomb order of the quiver: fewer than 2^4 bolts take the shortest code.
const QUIVER_ORDER: u32 = 4;
/// Exp-Golomb order of timers: values below 2^4 take the shortest code, and half a second at 30 Hz is 15 ticks.
const TICKS_ORDER: u32 = 4;
