//! Fixed-point coordinates in the plane. They are integers, so that the state on the wire is exactly the server's state and all
//! machines compute the same bits.

use std::ops::{Add, Neg, Sub};

/// One unit of length: coordinates are in 1/256 unit.
pub const UNIT: i32 = 256;

/// A position or a displacement in the plane, in 1/256 unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Point {
    /// The coordinate to the east, in 1/256 unit.
    pub x: i32,
    /// The coordinate to the south (down, when drawn), in 1/256 unit.
    pub y: i32,
}

impl Point {
    /// Creates a point from coordinates in 1/256 unit.
    #[must_use]
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }

    /// Returns the square of the distance to `other`, in (1/256 unit)². Exact, except that it saturates at `u64::MAX`, for
    /// distances of 2^32 (1/256 unit) and more.
    #[must_use]
    pub const fn distance_squared(self, other: Self) -> u64 {
        let dx = (self.x as i64 - other.x as i64).unsigned_abs();
        let dy = (self.y as i64 - other.y as i64).unsigned_abs();
        dx.saturating_mul(dx).saturating_add(dy.saturating_mul(dy))
    }

    /// Returns the distance to `other` in 1/256 unit, rounded down; at most `u32::MAX`.
    #[must_use]
    pub const fn distance(self, other: Self) -> u32 {
        self.distance_squared(other).isqrt() as u32
    }

    /// Returns the length of this displacement in 1/256 unit, rounded down.
    #[must_use]
    pub const fn length(self) -> u32 {
        self.distance(Self::new(0, 0))
    }

    /// Returns this displacement with both coordinates multiplied by `numerator / denominator`, rounded towards zero. A coordinate that
    /// does not fit 32 bits wraps.
    ///
    /// # Panics
    /// If `denominator` is 0.
    #[must_use]
    pub const fn scaled(self, numerator: i32, denominator: i32) -> Self {
        let n = numerator as i64;
        let d = denominator as i64;
        Self::new((self.x as i64 * n / d) as i32, (self.y as i64 * n / d) as i32)
    }

    /// Returns the point at the fraction `part / whole` of the way from this point to `other`, rounded towards this point. Exact at both
    /// ends: this point for a `part` of 0, `other` for `part >= whole` (so also if both are 0).
    #[must_use]
    pub const fn towards(self, other: Self, part: u32, whole: u32) -> Self {
        Self::new(between(self.x, other.x, part, whole), between(self.y, other.y, part, whole))
    }
}

/// Returns the coordinate at the fraction `part / whole` of the way.
const fn between(from: i32, to: i32, part: u32, whole: u32) -> i32 {
    if part >= whole {
        return to;
    }
    // Unsigned, because the product of two 32-bit numbers fits 64 bits without a sign. A division of 128 bits would be a function
    // call, twice per drawn entity.
    let distance = (from.abs_diff(to) as u64 * part as u64 / whole as u64) as u32;
    if from < to { from.wrapping_add_unsigned(distance) } else { from.wrapping_sub_unsigned(distance) }
}

// Sums wrap, because a coordinate from a peer may have any value: a sum must not panic, and must be the same on both ends.
impl Add for Point {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.x.wrapping_add(other.x), self.y.wrapping_add(other.y))
    }
}

impl Sub for Point {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.x.wrapping_sub(other.x), self.y.wrapping_sub(other.y))
    }
}

impl Neg for Point {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(self.x.wrapping_neg(), self.y.wrapping_neg())
    }
}
