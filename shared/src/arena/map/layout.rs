//! How the walls are laid out: the western half is divided again and again, the eastern half is its mirror image.
//!
//! A dividing wall always has a door, and no later wall ends in front of it, so every room stays reachable. Rooms on the
//! seam join their own mirror image into one wide hall.

use super::Map;
use crate::game::GameRng;

/// Columns of the half that is laid out.
const HALF: i32 = Map::COLUMNS as i32 / 2;
const ROWS: i32 = Map::ROWS as i32;
/// The smallest side of a room, in tiles.
const SMALLEST_ROOM: i32 = 4;
/// A side at least this long may be parted by a corridor rather than by one wall, in tiles.
const CORRIDOR_FROM: i32 = 13;
/// How wide a corridor is, in tiles.
const CORRIDOR_WIDTH: i32 = 2;
/// How wide a door is, in tiles: two fighters side by side.
const DOOR_WIDTH: i32 = 2;
/// A wall this long has a second door, in tiles: fewer dead ends, more ways to be surprised.
const SECOND_DOOR_FROM: i32 = 10;
/// A room with fewer tiles than this may be left undivided.
const HALL_TILES: i32 = 80;
/// How often a place for a wall or a pillar is tried.
const TRIES: u32 = 6;
/// How many pillars are tried in the half.
const PILLARS: u32 = 24;
/// The stream of randomness that walls are drawn from.
const STREAM: u64 = 0x6d61_7001;

/// The walls of a seed, one word a row.
pub(super) fn walls(seed: u64) -> [u64; Map::ROWS] {
    let mut half = Half { rows: [0; Map::ROWS], rng: GameRng::new(seed, STREAM) };
    half.border();
    half.divide(Region { west: 1, north: 1, east: HALF - 1, south: ROWS - 2 });
    half.pillars();
    half.rows.map(mirrored)
}

/// A row of the half and its mirror image.
const fn mirrored(row: u64) -> u64 {
    row | row.reverse_bits() >> (64 - Map::COLUMNS)
}

/// A rectangle of tiles, borders included.
#[derive(Clone, Copy)]
struct Region {
    west: i32,
    north: i32,
    east: i32,
    south: i32,
}

/// The western half while it is being built.
struct Half {
    rows: [u64; Map::ROWS],
    rng: GameRng,
}

impl Half {
    fn border(&mut self) {
        for column in 0..HALF {
            self.set(column, 0);
            self.set(column, ROWS - 1);
        }
        for row in 0..ROWS {
            self.set(0, row);
        }
    }

    /// Parts a region by a wall or a corridor across its longer side, then both halves.
    fn divide(&mut self, region: Region) {
        let turned = region.tall() > region.wide();
        let side = region.wide().max(region.tall());
        let small = region.wide() * region.tall() < HALL_TILES && self.rng.chance(1, 3);
        if side < 2 * SMALLEST_ROOM + 1 || small {
            return;
        }
        let gap = if side >= CORRIDOR_FROM && self.rng.chance(1, 2) { CORRIDOR_WIDTH + 1 } else { 0 };
        let Some(at) = self.place_for_wall(region, turned, gap) else { return };
        self.wall(region, turned, at);
        if gap > 0 {
            self.wall(region, turned, at + gap);
        }
        let (before, after) = region.parted(turned, at, at + gap);
        self.divide(before);
        self.divide(after);
    }

    /// Where a wall (and a second one `gap` further) leaves room on both sides and ends at no door.
    fn place_for_wall(&mut self, region: Region, turned: bool, gap: i32) -> Option<i32> {
        let (first, last) = if turned { (region.north, region.south) } else { (region.west, region.east) };
        let (low, high) = (first + SMALLEST_ROOM, last - SMALLEST_ROOM - gap);
        if low > high {
            return None;
        }
        (0..TRIES)
            .map(|_| self.rng.between(low, high))
            .collect::<Vec<_>>()
            .into_iter()
            .find(|&at| self.ends_in_wall(region, turned, at) && self.ends_in_wall(region, turned, at + gap))
    }

    /// Whether a wall here has wall (or the seam) at both ends; else it would stand in a door.
    fn ends_in_wall(&self, region: Region, turned: bool, at: i32) -> bool {
        if turned {
            self.is_set(region.west - 1, at) && (region.east + 1 >= HALF || self.is_set(region.east + 1, at))
        } else {
            self.is_set(at, region.north - 1) && self.is_set(at, region.south + 1)
        }
    }

    fn wall(&mut self, region: Region, turned: bool, at: i32) {
        let (first, last) = if turned { (region.west, region.east) } else { (region.north, region.south) };
        for along in first..=last {
            if turned { self.set(along, at) } else { self.set(at, along) }
        }
        let doors = if last - first + 1 >= SECOND_DOOR_FROM { 2 } else { 1 };
        for _ in 0..doors {
            let door = self.rng.between(first, last - DOOR_WIDTH + 1);
            for along in door..door + DOOR_WIDTH {
                if turned { self.clear(along, at) } else { self.clear(at, along) }
            }
        }
    }

    /// Cover in the open: a pillar stands only where floor goes all the way round it, so it closes nothing off.
    fn pillars(&mut self) {
        for _ in 0..PILLARS {
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
    const fn wide(self) -> i32 {
        self.east - self.west + 1
    }

    const fn tall(self) -> i32 {
        self.south - self.north + 1
    }

    /// What lies before a wall at `first` and after one at `last`.
    const fn parted(self, turned: bool, first: i32, last: i32) -> (Self, Self) {
        if turned {
            (Self { south: first - 1, ..self }, Self { north: last + 1, ..self })
        } else {
            (Self { east: first - 1, ..self }, Self { west: last + 1, ..self })
        }
    }
}
