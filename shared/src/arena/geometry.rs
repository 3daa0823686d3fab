//! Lines and circles in integers: the questions that every weapon asks.

use crate::game::Point;

/// What [`passing`] calls the whole way.
pub(super) const WHOLE_WAY: i64 = 1 << 16;

/// Where on the straight way from `from` to `to` something comes nearest to `centre`, in 1/65,536 of the way, if it comes
/// nearer than `radius` (1/256 unit) at all.
pub(super) fn passing(from: Point, to: Point, centre: Point, radius: i32) -> Option<i64> {
    let along = nearest(from, to, centre);
    let miss = centre.distance_squared(part_of_way(from, to, along));
    (miss <= u64::from(radius.unsigned_abs()).pow(2)).then_some(along)
}

/// The place `along` (1/65,536) of the way from `from` to `to`.
pub(super) fn part_of_way(from: Point, to: Point, along: i64) -> Point {
    let way = to - from;
    from + Point::new(share(way.x, along), share(way.y, along))
}

/// The dot product of two displacements.
pub(super) fn dot(a: Point, b: Point) -> i64 {
    i64::from(a.x) * i64::from(b.x) + i64::from(a.y) * i64::from(b.y)
}

fn nearest(from: Point, to: Point, centre: Point) -> i64 {
    let way = to - from;
    let square = dot(way, way);
    if square == 0 {
        return 0;
    }
    let along = i128::from(dot(centre - from, way)) * i128::from(WHOLE_WAY) / i128::from(square);
    along.clamp(0, i128::from(WHOLE_WAY)) as i64
}

fn share(length: i32, along: i64) -> i32 {
    (i64::from(length) * along / WHOLE_WAY) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_passes_a_circle_it_touches_and_misses_the_next() {
        let (from, to) = (Point::new(0, 0), Point::new(1000, 0));
        assert_eq!(passing(from, to, Point::new(500, 99), 100), Some(WHOLE_WAY / 2));
        assert_eq!(passing(from, to, Point::new(500, 101), 100), None);
        assert_eq!(passing(from, to, Point::new(1200, 0), 100), None, "the way ends before it");
    }

    #[test]
    fn standing_still_inside_a_circle_passes_it() {
        let here = Point::new(7, 7);
        assert_eq!(passing(here, here, Point::new(8, 8), 10), Some(0));
    }
}
