//! Generates the walls: the western half is divided recursively, the eastern half is its mirror image.
//!
//! A dividing wall always has a door, and no later wall ends in front of it, so every room stays reachable. Rooms at the
//! centre line join their own mirror image into one wide hall.

use super::tile::{self, COLUMNS, Walls};
use crate::game::GameRng;

/// Columns of the generated half.
const HALF: i32 = COLUMNS as i32 / 2;
const ROWS: i32 = tile::ROWS as i32;
/// Minimum side of a room, in tiles.
const MIN_ROOM_SIDE: i32 = 4;
/// Minimum side for a division by a corridor (half of the cases) rather than by one wall, in tiles.
const MIN_CORRIDOR_SIDE: i32 = 13;
/// Width of a corridor, in tiles.
const CORRIDOR_WIDTH: i32 = 2;
/// Width of a door, in tiles: two fighters side by side.
const DOOR_WIDTH: i32 = 2;
/// Minimum length of a wall with a second door, in tiles: fewer dead ends, more flanking routes.
const MIN_TWO_DOOR_WALL: i32 = 10;
/// A room with fewer tiles than this stays undivided with a probability of one third.
const MAX_HALL_TILES: i32 = 80;
/// Number of positions tried for one wall.
const WALL_ATTEMPTS: u32 = 6;
/// Number of positions tried for pillars in the half.
const PILLAR_ATTEMPTS: u32 = 24;
/// The random stream of walls.
const STREAM: u64 = 0x6d61_7001;

/// Generates the walls for a seed.
pub(super) fn walls(seed: u64) -> Walls {
    let mut half = Half { rows: [0; tile::ROWS], rng: GameRng::new(seed, STREAM) };
    half.build_border();
    half.divide(Region { west: 1, north: 1, east: HALF - 1, south: ROWS - 2 });
    half.build_pillars();
    half.rows.map(mirrored)
}

/// A row of the half and its mirror image.
const fn mirrored(row: u64) -> u64 {
    row | row.reverse_bits() >> (64 - COLUMNS)
}

/// A rectangle of tiles; all four bounds are inside.
#[derive(Clone, Copy)]
struct Region {
    west: i32,
    north: i32,
    east: i32,
    south: i32,
}

/// The western half during generation.
struct Half {
    rows: Walls,
    rng: GameRng,
}

impl Half {
    fn build_border(&mut self) {
        for column in 0..HALF {
            self.set(column, 0);
            self.set(column, ROWS - 1);
        }
        for row in 0..ROWS {
            self.set(0, row);
        }
    }

    /// Divides a region by a wall or a corridor across its longer side, then divides both parts.
    fn divide(&mut self, region: Region) {
        let is_horizontal = region.height() > region.width();
        let side = region.width().max(region.height());
        let small = region.width() * region.height() < MAX_HALL_TILES && self.rng.chance(1, 3);
        if side < 2 * MIN_ROOM_SIDE + 1 || small {
            return;
        }
        let gap = if side >= MIN_CORRIDOR_SIDE && self.rng.chance(1, 2) { CORRIDOR_WIDTH + 1 } else { 0 };
        let Some(at) = self.wall_position(region, is_horizontal, gap) else { return };
        self.build_wall(region, is_horizontal, at);
        if gap > 0 {
            self.build_wall(region, is_horizontal, at + gap);
        }
        let (before, after) = region.split(is_horizontal, at, at + gap);
        self.divide(before);
        self.divide(after);
    }

    /// A position for a wall (and a second one `gap` further) that leaves space on both sides and does not end at a door.
    fn wall_position(&mut self, region: Region, is_horizontal: bool, gap: i32) -> Option<i32> {
        let (first, last) =
            if is_horizontal { (region.north, region.south) } else { (region.west, region.east) };
        let (low, high) = (first + MIN_ROOM_SIDE, last - MIN_ROOM_SIDE - gap);
        if low > high {
            return None;
        }
        (0..WALL_ATTEMPTS).map(|_| self.rng.between(low, high)).collect::<Vec<_>>().into_iter().find(|&at| {
            self.ends_in_wall(region, is_horizontal, at) && self.ends_in_wall(region, is_horizontal, at + gap)
        })
    }

    /// Whether a wall at this position has wall (or the centre line) at both ends; otherwise it would block a door.
    fn ends_in_wall(&self, region: Region, is_horizontal: bool, at: i32) -> bool {
        if is_horizontal {
            self.is_set(region.west - 1, at) && (region.east + 1 >= HALF || self.is_set(region.east + 1, at))
        } else {
            self.is_set(at, region.north - 1) && self.is_set(at, region.south + 1)
        }
    }

    fn build_wall(&mut self, region: Region, is_horizontal: bool, at: i32) {
        let (first, last) =
            if is_horizontal { (region.west, region.east) } else { (region.north, region.south) };
        for along in first..=last {
            if is_horizontal { self.set(along, at) } else { self.set(at, along) }
        }
        let doors = if last - first + 1 >= MIN_TWO_DOOR_WALL { 2 } else { 1 };
        for _ in 0..doors {
            let door = self.rng.between(first, last - DOOR_WIDTH + 1);
            for along in door..door + DOOR_WIDTH {
                if is_horizontal { self.clear(along, at) } else { self.clear(at, along) }
            }
        }
    }

    /// Builds pillars as cover in open space: only where all eight tiles around are floor, so that no passage is closed.
    fn build_pillars(&mut self) {
        for _ in 0..PILLAR_ATTEMPTS {
            let column = self.rng.between(2, HALF - 3);
            let row = self.rng.between(2, ROWS - 3);
            let free = (row - 1..=row + 1).all(|r| (column - 1..=column + 1).all(|c| !self.is_set(c, r)));
            if free {
                self.set(column, row);
            }
        }
    }

    const fn is_set(&self, column: i32, row: i32) -> bool {
        self.rows[row as usize] >> column & 1 == 1
    }

    const fn set(&mut self, column: i32, row: i32) {
        self.rows[row as usize] |= 1 << column;
    }

    const fn clear(&mut self, column: i32, row: i32) {
        self.rows[row as usize] &= !(1 << column);
    }
}

impl Region {
    const fn width(self) -> i32 {
        self.east - self.west + 1
    }

    const fn height(self) -> i32 {
        self.south - self.north + 1
    }

    /// The parts before a wall at `first` and after one at `last`.
    const fn split(self, is_horizontal: bool, first: i32, last: i32) -> (Self, Self) {
        if is_horizontal {
            (Self { south: first - 1, ..self }, Self { north: last + 1, ..self })
        } else {
            (Self { east: first - 1, ..self }, Self { west: last + 1, ..self })
        }
    }
}
