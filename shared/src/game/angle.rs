//! Directions as integers, with a sine from a table: the last bit of a floating-point sine differs between machines.

use std::ops::{Add, Sub};

use super::Point;

/// A direction in 1/65,536 turn: 0 is east, and a quarter turn is south, because the y axis points down. Sums wrap at a full turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Angle(pub u16);

impl Angle {
    /// A quarter turn: south.
    pub const QUARTER: Self = Self(1 << 14);
    /// Half a turn: west.
    pub const HALF: Self = Self(1 << 15);
    /// The scale of [`Self::sin`] and [`Self::cos`]: the integer that stands for 1.
    pub const ONE: i32 = 1 << 15;

    /// Returns the sine, scaled by [`Self::ONE`]; its error is less than 2.
    #[must_use]
    #[inline]
    pub const fn sin(self) -> i32 {
        // A choice between two numbers compiles to a select instruction. A branch would often be mispredicted, because directions have
        // no pattern, and `crowd` computes about a thousand sines per snapshot.
        let half = self.0 & 0x7FFF;
        let rising = quarter_sine(if half > Self::QUARTER.0 { Self::HALF.0 - half } else { half });
        if self.0 >= Self::HALF.0 { -rising } else { rising }
    }

    /// Returns the cosine, scaled by [`Self::ONE`]; its error is less than 2.
    #[must_use]
    #[inline]
    pub const fn cos(self) -> i32 {
        Self(self.0.wrapping_add(1 << 14)).sin()
    }

    /// Returns the displacement of this length (in 1/256 unit) in this direction, with both coordinates rounded towards zero.
    #[must_use]
    #[inline]
    pub const fn times(self, length: i32) -> Point {
        Point::new(
            (self.cos() as i64 * length as i64 / Self::ONE as i64) as i32,
            (self.sin() as i64 * length as i64 / Self::ONE as i64) as i32,
        )
    }

    /// Returns the direction of a displacement, exact to a few 1/65,536 turn; east for a displacement of length 0.
    #[must_use]
    pub const fn of(to: Point) -> Self {
        let (x, y) = (to.x as i64, to.y as i64);
        let (ax, ay) = (x.abs(), y.abs());
        // In the first quadrant sin(a)·x - cos(a)·y grows with the angle a, and is 0 in the direction (x, y): bisect for that angle.
        let (mut low, mut high) = (0u16, 1 << 14);
        while high - low > 1 {
            let middle = Self(low + (high - low) / 2);
            if middle.sin() as i64 * ax >= middle.cos() as i64 * ay {
                high = middle.0;
            } else {
                low = middle.0;
            }
        }
        let in_quadrant = if ax == 0 && ay != 0 { 1 << 14 } else { low };
        Self(match (x < 0, y < 0) {
            (false, false) => in_quadrant,
            (true, false) => (1u16 << 15).wrapping_sub(in_quadrant),
            (true, true) => (1u16 << 15).wrapping_add(in_quadrant),
            (false, true) => 0u16.wrapping_sub(in_quadrant),
        })
    }

    /// Returns the shorter turn from this direction to `other` in 1/65,536 turn: -32,768 to 32,767, positive if clockwise (with the y
    /// axis down). A half turn is -32,768.
    #[must_use]
    pub const fn turn_to(self, other: Self) -> i16 {
        other.0.wrapping_sub(self.0) as i16
    }

    /// Returns the direction at the fraction `part / whole` of the shorter turn from this direction to `other`. Exact at both ends: this
    /// direction for a `part` of 0, `other` for `part >= whole`.
    #[must_use]
    pub const fn towards(self, other: Self, part: u32, whole: u32) -> Self {
        if part >= whole {
            return other;
        }
        let turn = self.turn_to(other) as i64 * part as i64 / whole as i64;
        Self(self.0.wrapping_add_signed(turn as i16))
    }

    /// Returns this direction turned towards `other` along the shorter turn, by at most `max` (in 1/65,536 turn).
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

/// The number of table steps in a quarter turn.
const STEPS: usize = 1024;

/// The sines of a quarter turn in [`STEPS`] steps, scaled by [`Angle::ONE`]. Computed at compile time, where floats do not depend on
/// the machine. The table ends with the sine of the quarter turn twice, because [`quarter_sine`] reads one entry further, even where
/// it multiplies the difference by 0.
static SINES: [i32; STEPS + 2] = {
    let mut table = [Angle::ONE; STEPS + 2];
    let mut i = 0;
    while i <= STEPS {
        table[i] = taylor_sine(i as f64 * std::f64::consts::FRAC_PI_2 / STEPS as f64);
        i += 1;
    }
    table
};

/// Returns sin(x) for 0 ≤ x ≤ π/2 by its Taylor series, scaled by [`Angle::ONE`] and rounded. Twelve terms leave an error far below 2^-15.
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

/// Returns the sine of an angle from 0 to 16,384 (a quarter turn), interpolated between two table entries.
#[inline]
const fn quarter_sine(angle: u16) -> i32 {
    let step = (angle >> 4) as usize;
    let part = (angle & 15) as i32;
    // The sine grows in this quarter, so neither factor is negative.
    SINES[step] + (((SINES[step + 1] - SINES[step]) * part) >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_differs_from_the_exact_one_by_less_than_2() {
        for angle in 0..=u16::MAX {
            let exact = (f64::from(angle) / 65536.0 * std::f64::consts::TAU).sin() * 32768.0;
            let computed = f64::from(Angle(angle).sin());
            assert!((exact - computed).abs() < 2.0, "sin({angle}) is {exact}, not {computed}");
        }
    }

    #[test]
    fn the_direction_of_a_displacement_is_exact_to_4_parts_in_65536() {
        for angle in (0..=u16::MAX).step_by(37) {
            let back = Angle::of(Angle(angle).times(1_000_000));
            assert!(Angle(angle).turn_to(back).unsigned_abs() <= 4, "{angle} became {back:?}");
        }
        assert_eq!(Angle::of(Point::new(0, 5)), Angle::QUARTER);
        assert_eq!(Angle::of(Point::new(-5, 0)), Angle::HALF);
        assert_eq!(Angle::of(Point::new(0, 0)), Angle(0));
    }

    #[test]
    fn a_bounded_turn_takes_the_shorter_way_and_stops_at_its_target() {
        assert_eq!(Angle(100).turned_towards(Angle(65_500), 50), Angle(50));
        assert_eq!(Angle(100).turned_towards(Angle(65_500), 500), Angle(65_500));
    }
}
