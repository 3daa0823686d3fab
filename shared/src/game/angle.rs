//! Integer directions with a table sine: floats would differ between machines in their last bit.

use std::ops::{Add, Sub};

use super::Point;

/// A direction: 65,536 to the turn, 0 to the east, a quarter turn to the south (the y axis points down).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Angle(pub u16);

impl Angle {
    /// A quarter turn.
    pub const QUARTER: Self = Self(1 << 14);
    /// Half a turn.
    pub const HALF: Self = Self(1 << 15);
    /// The scale of [`Self::sin`] and [`Self::cos`]: their value for 1.
    pub const ONE: i32 = 1 << 15;

    /// The sine, scaled by [`Self::ONE`].
    #[must_use]
    #[inline]
    pub const fn sin(self) -> i32 {
        // A select between two numbers compiles without a branch. A branch would be mispredicted because directions have no
        // pattern, and a crowd computes about a thousand sines per snapshot.
        let half = self.0 & 0x7FFF;
        let rising = quarter_sine(if half > Self::QUARTER.0 { Self::HALF.0 - half } else { half });
        if self.0 >= Self::HALF.0 { -rising } else { rising }
    }

    /// The cosine, scaled by [`Self::ONE`].
    #[must_use]
    #[inline]
    pub const fn cos(self) -> i32 {
        Self(self.0.wrapping_add(1 << 14)).sin()
    }

    /// The displacement of `length` (1/256 unit) in this direction, rounded towards zero.
    #[must_use]
    #[inline]
    pub const fn times(self, length: i32) -> Point {
        Point::new(
            (self.cos() as i64 * length as i64 / Self::ONE as i64) as i32,
            (self.sin() as i64 * length as i64 / Self::ONE as i64) as i32,
        )
    }

    /// The direction of a displacement; east for a displacement of length 0.
    #[must_use]
    pub const fn of(to: Point) -> Self {
        let (x, y) = (to.x as i64, to.y as i64);
        let (ax, ay) = (x.abs(), y.abs());
        // In the first quadrant sin(a)·x - cos(a)·y grows with a: halve the quarter turn until it is no longer negative.
        let (mut low, mut high) = (0u16, 1 << 14);
        while high - low > 1 {
            let middle = Self(low + (high - low) / 2);
            if middle.sin() as i64 * ax >= middle.cos() as i64 * ay {
                high = middle.0;
            } else {
                low = middle.0;
            }
        }
        let within = if ax == 0 && ay != 0 { 1 << 14 } else { low };
        Self(match (x < 0, y < 0) {
            (false, false) => within,
            (true, false) => (1u16 << 15).wrapping_sub(within),
            (true, true) => (1u16 << 15).wrapping_add(within),
            (false, true) => 0u16.wrapping_sub(within),
        })
    }

    /// The shorter turn from this direction to `other`: -32,768 to 32,767, positive clockwise on a screen.
    #[must_use]
    pub const fn turn_to(self, other: Self) -> i16 {
        other.0.wrapping_sub(self.0) as i16
    }

    /// Interpolates along the shorter turn from this direction to `other` by `part / whole`; exact at both ends.
    #[must_use]
    pub const fn towards(self, other: Self, part: u32, whole: u32) -> Self {
        if part >= whole {
            return other;
        }
        let turn = self.turn_to(other) as i64 * part as i64 / whole as i64;
        Self(self.0.wrapping_add_signed(turn as i16))
    }

    /// This direction turned towards `other` by at most `max`.
    #[must_use]
    pub const fn turned_towards(self, other: Self, max: u16) -> Self {
        let turn = self.turn_to(other);
        if turn.unsigned_abs() <= max {
            other
        } else if turn > 0 {
            Self(self.0.wrapping_add(max))
        } else {
            Self(self.0.wrapping_sub(max))
        }
    }
}

impl Add for Angle {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Sub for Angle {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

/// Number of table steps in a quarter turn.
const STEPS: usize = 1024;

/// The sine of a quarter turn in [`STEPS`] steps, computed at compile time so that every build has the same bits. The last entry is
/// there twice because [`quarter_sine`] reads the entry after it and multiplies the difference by 0.
static QUARTER: [i32; STEPS + 2] = {
    let mut table = [Angle::ONE; STEPS + 2];
    let mut i = 0;
    while i <= STEPS {
        table[i] = taylor_sine(i as f64 * std::f64::consts::FRAC_PI_2 / STEPS as f64);
        i += 1;
    }
    table
};

/// sin(x) for 0 ≤ x ≤ π/2, scaled and rounded. Twelve terms leave an error far under one part in 2^15.
const fn taylor_sine(x: f64) -> i32 {
    let mut term = x;
    let mut sum = x;
    let mut n = 1;
    while n < 12 {
        term *= -x * x / ((2 * n) as f64 * (2 * n + 1) as f64);
        sum += term;
        n += 1;
    }
    (sum * Angle::ONE as f64 + 0.5) as i32
}

/// The sine of `within` (0 to 16,384, a quarter turn), interpolated between two table entries.
#[inline]
const fn quarter_sine(within: u16) -> i32 {
    let step = (within >> 4) as usize;
    // The sine is monotonic in this quarter, so neither factor is negative.
    let rest = (within & 15) as i32;
    QUARTER[step] + (((QUARTER[step + 1] - QUARTER[step]) * rest) >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_real_sine() {
        for angle in 0..=u16::MAX {
            let real = (f64::from(angle) / 65536.0 * std::f64::consts::TAU).sin() * 32768.0;
            let ours = f64::from(Angle(angle).sin());
            assert!((real - ours).abs() < 2.0, "sin({angle}) is {real}, not {ours}");
        }
    }

    #[test]
    fn the_direction_of_a_displacement_points_along_it() {
        for angle in (0..=u16::MAX).step_by(37) {
            let back = Angle::of(Angle(angle).times(1_000_000));
            assert!(Angle(angle).turn_to(back).unsigned_abs() <= 4, "{angle} became {back:?}");
        }
        assert_eq!(Angle::of(Point::new(0, 5)), Angle::QUARTER);
        assert_eq!(Angle::of(Point::new(-5, 0)), Angle::HALF);
        assert_eq!(Angle::of(Point::new(0, 0)), Angle(0));
    }

    #[test]
    fn a_turn_takes_the_shorter_way_and_stops_at_its_target() {
        assert_eq!(Angle(100).turned_towards(Angle(65_500), 50), Angle(50));
        assert_eq!(Angle(100).turned_towards(Angle(65_500), 500), Angle(65_500));
    }
}
