//! An entity for the snapshot tests.

use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Entity, Place, Point},
};

/// An entity at an x coordinate, whose extrapolation moves by 1/256 unit per tick.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct Mover(pub(super) i32);

impl Entity for Mover {
    fn place(&self) -> Place {
        Place::At(Point::new(self.0, 0))
    }

    fn encode(&self, out: &mut BitWriter) {
        out.write_signed(self.0, 8);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        from.read_signed(8).map(Self)
    }

    fn extrapolate(&self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks as i32))
    }
}
