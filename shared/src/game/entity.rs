//! The `Entity` trait: the replicated state of one entity, its encoding, and its motion between and after snapshots.

use std::fmt::Debug;

use serde::Serialize;

use super::{Place, Point};
use crate::bits::{BitReader, BitWriter, BitsError};

/// The state of one replicated entity. It is sent in full when it enters a seat's view. After that only its delta is sent, the
/// difference to the state that the client can extrapolate itself. Must be deterministic, because server and client run the same code.
pub trait Entity: Clone + PartialEq + Debug + Serialize + Send + Sync + 'static {
    /// Returns the entity's place, which decides the seats that receive the entity.
    fn place(&self) -> Place;

    /// Appends the complete state to `out`.
    fn encode(&self, out: &mut BitWriter);

    /// Decodes a state that [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bits are not an encoded state. A client decodes bits from a server that it does not trust: no value may cause a panic.
    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// Returns the state at the fraction `part / whole` of the way from this state to a later one of the same entity, for drawing. Must
    /// return this state for a `part` of 0 and `later` for `part >= whole`. A game with lag compensation must use it to compute the
    /// positions at which hits are judged, because the shooter saw them drawn. By default, this state until `part` is `whole`.
    #[must_use]
    fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        if part >= whole { later.clone() } else { self.clone() }
    }

    /// Returns the entity moved by an offset in 1/256 unit. A client draws an entity whose prediction was wrong at an offset that shrinks
    /// to zero, so that the entity does not jump. By default, and for entities without a position, the entity itself.
    #[must_use]
    fn displaced(&self, _by: Point) -> Self {
        self.clone()
    }

    /// Returns true if the entity jumped between this state and a later one, as at a respawn or a teleport. A client then shows the jump:
    /// it neither interpolates nor eases a correction.
    #[must_use]
    fn jumps_to(&self, _later: &Self) -> bool {
        false
    }

    /// Returns the state after this number of ticks if nothing affects the entity. By default, the state itself.
    ///
    /// The result may be wrong but must be deterministic. It is used for deltas on both ends, where a better guess saves bytes (an
    /// entity that is as extrapolated takes one bit), and by clients to draw entities for up to
    /// [`MAX_EXTRAPOLATION_MS`](crate::limits::MAX_EXTRAPOLATION_MS) after the newest snapshot. `ticks` is at most
    /// [`MAX_BASELINE_AGE_TICKS`](crate::limits::MAX_BASELINE_AGE_TICKS).
    #[must_use]
    fn extrapolate(&self, _ticks: u32) -> Self {
        self.clone()
    }

    /// Appends the delta against `expected`, the extrapolation of an earlier state. Called only if the two states differ. By default, the
    /// complete state.
    fn encode_delta(&self, _expected: &Self, out: &mut BitWriter) {
        self.encode(out);
    }

    /// Decodes a delta that [`Self::encode_delta`] wrote against the same `expected`.
    ///
    /// # Errors
    /// When the bits are not an encoded delta; see [`Self::decode`].
    fn decode_delta(_expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::decode(from)
    }
}
