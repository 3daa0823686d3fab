//! The `Entity` trait: the replicated state of one entity, its encoding, and its motion between two ticks.

use std::fmt::Debug;

use serde::Serialize;

use super::{Place, Point};
use crate::bits::{BitReader, BitWriter, BitsError};

/// The state of one replicated entity, encoded whole or as a delta against an expected state.
pub trait Entity: Clone + PartialEq + Debug + Serialize + Send + Sync + 'static {
    /// Returns the entity's place, from which the interest rule derives the seats that receive it.
    fn place(&self) -> Place;

    /// Appends the whole state to `out`.
    fn encode(&self, out: &mut BitWriter);

    /// Decodes a state that [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bits are not an encoded state.
    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// Interpolates between this state and a later one of the same entity by `part / whole`, for drawing. It must be exact at both
    /// ends, and a game with lag compensation must judge by the same rule. The default keeps this state until `part` is `whole`.
    #[must_use]
    fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        if part >= whole { later.clone() } else { self.clone() }
    }

    /// Returns the entity displaced by an offset in 1/256 unit, which eases a correction. Entities without a place stay.
    #[must_use]
    fn displaced(&self, _by: Point) -> Self {
        self.clone()
    }

    /// Whether the entity respawned or teleported between this state and a later one: then neither interpolation nor the easing of
    /// a correction applies.
    #[must_use]
    fn jumps_to(&self, _later: &Self) -> bool {
        false
    }

    /// Extrapolates this state by `ticks`, as if nothing affected it. A better guess saves bytes: an entity that matches it
    /// costs one bit. Both ends call it, so it must be deterministic; it need not be right.
    #[must_use]
    fn extrapolate(&self, _ticks: u32) -> Self {
        self.clone()
    }

    /// Appends the delta against `expected`. Called only if the states differ.
    fn encode_delta(&self, _expected: &Self, out: &mut BitWriter) {
        self.encode(out);
    }

    /// Decodes a delta that [`Self::encode_delta`] wrote against the same `expected`.
    ///
    /// # Errors
    /// When the bits are not an encoded delta.
    fn decode_delta(_expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::decode(from)
    }
}
