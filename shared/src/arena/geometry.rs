//! Integer geometry of lines and circles, for hit tests.

use crate::game::Point;

/// Denominator of a fraction of a path: 65,536 is its whole length.
pub(super) const PATH_SCALE: i64 = 1 << 16;

/// The point on the segment `from`..`to` that is nearest to `centre`, in 1/65,536 of the segment; `None` when it is farther
/// from `centre` than `radius` (1/256 unit).
pub(super) fn closest_approach(from: Point, to: Point, centre: Point, radius: i32) -> Option<i64> {
    let along = nearest_along(from, to, centre);
    let miss = centre.distance_squared(point_along(from, to, along));
    (miss <= u64::from(radius.unsigned_abs()).pow(2)).then_some(along)
}

/// The point at `along` (1/65,536) of the segment `from`..`to`.
pub(super) fn point_along(from: Point, to: Point, along: i64) -> Point {
    let path = to - from;
    from + Point::new(scale(path.x, along), scale(path.y, along))
}

/// The dot product of two displacements.
pub(super) fn dot(a: Point, b: Point) -> i64 {
    i64::from(a.x) * i64::from(b.x) + i64::from(a.y) * i64::from(b.y)
}

fn nearest_along(from: Point, to: Point, centre: Point) -> i64 {
    let path = to - from;
    let square = dot(path, path);
    if square == 0 {
        return 0;
    }
    let along = i128::from(dot(centre - from, path)) * i128::from(PATH_SCALE) / i128::from(square);
    along.clamp(0, i128::from(PATH_SCALE)) as i64
}

fn scale(length: i32, along: i64) -> i32 {
    (i64::from(length) * along / PATH_SCALE) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_a_circle_within_its_radius_only() {
        let (from, to) = (Point::new(0, 0), Point::new(1000, 0));
        assert_eq!(closest_approach(from, to, Point::new(500, 99), 100), Some(PATH_SCALE / 2));
        assert_eq!(closest_approach(from, to, Point::new(500, 101), 100), None);
        assert_eq!(
            closest_approach(from, to, Point::new(1200, 0), 100),
            None,
            "the segment ends before the circle"
        );
    }

    #[test]
    fn a_point_inside_a_circle_reaches_it() {
        let here = Point::new(7, 7);
        assert_eq!(closest_approach(here, here, Point::new(8, 8), 10), Some(0));
    }
}
