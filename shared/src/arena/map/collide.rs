//! Collision of circles with walls: a fighter slides along a wall instead of sticking to it.

use super::{Map, Tile};
use crate::{arena::geometry::dot, game::Point};

impl Map {
    /// Pushes a circle out of the walls that it overlaps and removes the velocity component against them.
    ///
    /// The centre must be on floor and `radius` (1/256 unit) under half a tile: then only the eight tiles around matter. A
    /// circle whose centre is inside a wall is returned unchanged.
    #[must_use]
    pub fn slide(&self, at: Point, velocity: Point, radius: i32) -> (Point, Point) {
        let tile = Tile::of(at);
        if self.is_wall(tile) {
            return (at, velocity);
        }
        let (at, velocity) = self.push_off_faces(tile, at, velocity, radius);
        self.push_off_corners(tile, at, velocity, radius)
    }

    /// Whether a circle overlaps no wall; `radius` (1/256 unit) must be under half a tile.
    #[must_use]
    pub fn fits(&self, at: Point, radius: i32) -> bool {
        !self.is_wall(Tile::of(at)) && self.slide(at, Point::default(), radius).0 == at
    }

    fn push_off_faces(&self, tile: Tile, mut at: Point, mut velocity: Point, radius: i32) -> (Point, Point) {
        let near = Point::new(tile.column * Self::TILE + radius, tile.row * Self::TILE + radius);
        let far = near + Point::new(Self::TILE - 2 * radius, Self::TILE - 2 * radius);
        if at.x < near.x && self.is_wall(Tile::new(tile.column - 1, tile.row)) {
            (at.x, velocity.x) = (near.x, velocity.x.max(0));
        } else if at.x > far.x && self.is_wall(Tile::new(tile.column + 1, tile.row)) {
            (at.x, velocity.x) = (far.x, velocity.x.min(0));
        }
        if at.y < near.y && self.is_wall(Tile::new(tile.column, tile.row - 1)) {
            (at.y, velocity.y) = (near.y, velocity.y.max(0));
        } else if at.y > far.y && self.is_wall(Tile::new(tile.column, tile.row + 1)) {
            (at.y, velocity.y) = (far.y, velocity.y.min(0));
        }
        (at, velocity)
    }

    fn push_off_corners(&self, tile: Tile, at: Point, velocity: Point, radius: i32) -> (Point, Point) {
        let middle = tile.centre();
        let (dx, dy) = (if at.x < middle.x { -1 } else { 1 }, if at.y < middle.y { -1 } else { 1 });
        if !self.is_wall(Tile::new(tile.column + dx, tile.row + dy)) {
            return (at, velocity);
        }
        let corner = middle + Point::new(dx * Self::TILE / 2, dy * Self::TILE / 2);
        let away = at - corner;
        let distance = away.length() as i32;
        if distance >= radius || distance == 0 {
            return (at, velocity);
        }
        (corner + away.scaled(radius, distance), without_component_against(velocity, away))
    }
}

/// The velocity without its component against `away`.
fn without_component_against(velocity: Point, away: Point) -> Point {
    let against = dot(velocity, away).min(0);
    let square = dot(away, away).max(1);
    velocity
        - Point::new(
            (i64::from(away.x) * against / square) as i32,
            (i64::from(away.y) * against / square) as i32,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RADIUS: i32 = 100;

    /// The centre of a floor tile that has wall to the west and floor to the north and south.
    fn beside_a_wall(map: &Map) -> Point {
        let is_beside = |at: &Point| {
            let Tile { column, row } = Tile::of(*at);
            map.is_wall(Tile::new(column - 1, row))
                && [row - 1, row + 1].into_iter().all(|row| !map.is_wall(Tile::new(column, row)))
        };
        map.floor().find(is_beside).unwrap()
    }

    #[test]
    fn a_circle_that_runs_at_a_wall_slides_along_it() {
        let map = Map::from_seed(1);
        let middle = beside_a_wall(&map);
        let wall = middle.x - Map::TILE / 2;
        let (at, velocity) = map.slide(Point::new(wall + 20, middle.y), Point::new(-800, 400), RADIUS);
        assert_eq!(at, Point::new(wall + RADIUS, middle.y));
        assert_eq!(velocity, Point::new(0, 400), "the velocity along the wall is kept");
    }

    #[test]
    fn a_circle_in_the_open_is_unchanged() {
        let map = Map::from_seed(1);
        let middle = beside_a_wall(&map);
        assert_eq!(map.slide(middle, Point::new(-8, 8), RADIUS), (middle, Point::new(-8, 8)));
    }

    #[test]
    fn a_corner_removes_only_the_velocity_component_against_it() {
        let kept = without_component_against(Point::new(-100, 50), Point::new(10, 0));
        assert_eq!(kept, Point::new(0, 50));
        let leaving = Point::new(100, 50);
        assert_eq!(without_component_against(leaving, Point::new(10, 0)), leaving);
    }
}
