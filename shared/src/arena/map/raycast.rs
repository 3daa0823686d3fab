//! Straight rays over the grid: the walls that stop an arrow or a bolt, and line of sight.
//!
//! The ray is traced from tile border to tile border (Amanatides and Woo 1987), in integers: the order of borders is decided
//! by cross-multiplication, so the trace is exact; only the returned point is rounded.

use super::{Map, Tile};
use crate::game::Point;

impl Map {
    /// Returns the point where the segment `from`..`to` first meets a wall: `from` when it is inside a wall, `None` when the
    /// segment is clear.
    #[must_use]
    pub fn raycast(&self, from: Point, to: Point) -> Option<Point> {
        let (mut tile, goal) = (Tile::of(from), Tile::of(to));
        if self.is_wall(tile) {
            return Some(from);
        }
        let mut x = Axis::new(from.x, to.x, tile.column);
        let mut y = Axis::new(from.y, to.y, tile.row);
        while tile != goal {
            let along_x = x.crosses_before(y);
            if along_x {
                tile.column += x.sign as i32;
            } else {
                tile.row += y.sign as i32;
            }
            if self.is_wall(tile) {
                return Some(crossing(from, x, y, along_x));
            }
            if along_x { x.cross_border() } else { y.cross_border() }
        }
        None
    }

    /// Whether the segment between two positions meets no wall; false when either is inside a wall.
    #[must_use]
    pub fn is_free(&self, from: Point, to: Point) -> bool {
        self.raycast(from, to).is_none()
    }
}

/// The trace along one axis.
#[derive(Clone, Copy)]
struct Axis {
    /// Direction of travel: -1, 0 or 1.
    sign: i64,
    /// Total distance, in 1/256 unit.
    length: i64,
    /// Distance of the next border from the start, in 1/256 unit.
    border: i64,
    /// Number of borders left to cross; after the last one only the other axis advances.
    left: u64,
}

impl Axis {
    fn new(from: i32, to: i32, tile: i32) -> Self {
        let side = i64::from(Map::TILE);
        let displacement = i64::from(to) - i64::from(from);
        let behind = i64::from(from) - i64::from(tile) * side;
        Self {
            sign: displacement.signum(),
            length: displacement.abs(),
            border: if displacement > 0 { side - behind } else { behind },
            left: to.div_euclid(Map::TILE).abs_diff(tile).into(),
        }
    }

    /// Whether this axis crosses its next border before the other one does.
    const fn crosses_before(self, other: Self) -> bool {
        self.left > 0 && (other.left == 0 || self.border * other.length < other.border * self.length)
    }

    const fn cross_border(&mut self) {
        self.border += Map::TILE as i64;
        self.left -= 1;
    }
}

/// The point at the border that is crossed next.
fn crossing(from: Point, x: Axis, y: Axis, along_x: bool) -> Point {
    let (dx, dy) = if along_x {
        (x.border, y.length * x.border / x.length.max(1))
    } else {
        (x.length * y.border / y.length.max(1), y.border)
    };
    from + Point::new((x.sign * dx) as i32, (y.sign * dy) as i32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_clear_ray_crosses_floor_only(
            seed in 0..50u64, x in 0..24_576, y in 0..16_384, x2 in 0..24_576, y2 in 0..16_384,
        ) {
            let map = Map::from_seed(seed);
            let (from, to) = (Point::new(x, y), Point::new(x2, y2));
            let end = map.raycast(from, to).unwrap_or(to);
            // Sample up to just before the end: the end itself lies on a wall's border.
            for i in 0..256 {
                let at = from + (end - from).scaled(i, 256);
                let near_border = at.x % Map::TILE <= 1 || at.y % Map::TILE <= 1
                    || at.x % Map::TILE >= Map::TILE - 1 || at.y % Map::TILE >= Map::TILE - 1;
                let stuck = map.is_wall(Tile::of(from));
                prop_assert!(stuck || near_border || !map.is_wall(Tile::of(at)), "{:?} is wall", at);
            }
        }

        #[test]
        fn a_ray_between_any_coordinates_ends(x in any::<i32>(), y in any::<i32>(), x2 in any::<i32>(), y2 in any::<i32>()) {
            let map = Map::from_seed(1);
            let start = map.spawns[0].centre();
            let _ = map.raycast(Point::new(x, y), Point::new(x2, y2));
            let end = Point::new(x2, y2);
            prop_assert!(map.raycast(start, end).is_some() || !map.is_wall(Tile::of(end)));
        }
    }
}
