//! Encodings shared by Arena's entities: positions, tick rates, and numbers that usually equal a prediction.

use super::map::Map;
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::Point,
    tick::TickRate,
};

/// Bits of an east-west coordinate inside the map: 48 tiles of 512 stay below 2^15.
const X_BITS: u32 = 15;
/// Bits of a north-south coordinate inside the map: 32 tiles of 512 are 2^14.
const Y_BITS: u32 = 14;
/// Bits of a tick rate less one: 1 to 128.
const RATE_BITS: u32 = 7;

const _: () =
    assert!(Map::EXTENT.x <= 1 << X_BITS && Map::EXTENT.y <= 1 << Y_BITS, "the map must fit its encoding");

/// Writes a position inside the map.
pub(super) fn write_position(at: Point, out: &mut BitWriter) {
    out.write_bits(at.x.clamp(0, Map::EXTENT.x - 1) as u32, X_BITS);
    out.write_bits(at.y.clamp(0, Map::EXTENT.y - 1) as u32, Y_BITS);
}

/// Reads a position written by [`write_position`].
pub(super) fn read_position(from: &mut BitReader<'_>) -> Result<Point, BitsError> {
    let x = from.read_bits(X_BITS)? as i32;
    let y = from.read_bits(Y_BITS)? as i32;
    if x >= Map::EXTENT.x {
        return Err(BitsError::OutOfRange);
    }
    Ok(Point::new(x, y))
}

/// Writes a displacement, short when both coordinates are below `2^(k-1)`.
pub(super) fn write_displacement(by: Point, k: u32, out: &mut BitWriter) {
    out.write_signed(by.x, k);
    out.write_signed(by.y, k);
}

/// Reads a displacement written by [`write_displacement`].
pub(super) fn read_displacement(k: u32, from: &mut BitReader<'_>) -> Result<Point, BitsError> {
    let x = from.read_signed(k)?;
    Ok(Point::new(x, from.read_signed(k)?))
}

/// Writes a tick rate.
pub(super) fn write_rate(rate: TickRate, out: &mut BitWriter) {
    out.write_bits(u32::from(rate.hz()) - 1, RATE_BITS);
}

/// Reads a tick rate written by [`write_rate`].
pub(super) fn read_rate(from: &mut BitReader<'_>) -> Result<TickRate, BitsError> {
    let hz = narrow(from.read_bits(RATE_BITS)? + 1)?;
    TickRate::new(hz).ok_or(BitsError::OutOfRange)
}

/// Writes a number as one bit when it equals the expected one, otherwise in an Exp-Golomb code of order `k`.
pub(super) fn write_if_changed(value: impl Into<u32>, expected: impl Into<u32>, k: u32, out: &mut BitWriter) {
    let value = value.into();
    let is_new = value != expected.into();
    out.write_bool(is_new);
    if is_new {
        out.write_var(value, k);
    }
}

/// Reads a number written by [`write_if_changed`] with the same `expected`.
pub(super) fn read_if_changed<T: Copy + TryFrom<u32>>(
    expected: T,
    k: u32,
    from: &mut BitReader<'_>,
) -> Result<T, BitsError> {
    if from.read_bool()? { narrow(from.read_var(k)?) } else { Ok(expected) }
}

/// Reads a number of order `k` into a narrower type.
pub(super) fn read_var<T: TryFrom<u32>>(k: u32, from: &mut BitReader<'_>) -> Result<T, BitsError> {
    narrow(from.read_var(k)?)
}

fn narrow<T: TryFrom<u32>>(value: u32) -> Result<T, BitsError> {
    T::try_from(value).map_err(|_| BitsError::OutOfRange)
}
