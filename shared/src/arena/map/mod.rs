//! The walled map: 48 by 32 tiles, generated from a seed on both ends, so that it is never sent.
//!
//! The eastern half mirrors the western, so that both teams have equal positions. A tile is one bit and a row one word: the
//! 256 bytes of walls fit four cache lines, and path-finding processes a row at a time.

mod collide;
mod layout;
mod raycast;
mod spots;
mod tile;

pub use self::tile::Tile;
use self::tile::{COLUMNS, ROWS, SIDE, Walls};
use crate::game::Point;

/// The walls of one match, its spawn points and its pickup positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    seed: u64,
    walls: Walls,
    spawns: Vec<Tile>,
    pickups: Vec<Tile>,
}

impl Map {
    /// Tiles from west to east.
    pub const COLUMNS: usize = COLUMNS;
    /// Tiles from north to south.
    pub const ROWS: usize = ROWS;
    /// The side of a tile in 1/256 unit: two units.
    pub const TILE: i32 = SIDE;
    /// The south-east corner, in 1/256 unit; positions inside the map are below it on both axes.
    pub const EXTENT: Point = Point::new(Self::COLUMNS as i32 * Self::TILE, Self::ROWS as i32 * Self::TILE);

    /// The centre of the map, in 1/256 unit.
    pub const MIDDLE: Point = Point::new(Self::EXTENT.x / 2, Self::EXTENT.y / 2);

    /// Generates the map for this seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let walls = layout::walls(seed);
        let (spawns, pickups) = spots::choose(&walls, seed);
        Self { seed, walls, spawns, pickups }
    }

    /// The seed of this map.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether this tile is a wall.
    #[must_use]
    pub const fn is_wall(&self, tile: Tile) -> bool {
        let Tile { column, row } = tile;
        let outside = column < 0 || row < 0 || column >= Self::COLUMNS as i32 || row >= Self::ROWS as i32;
        outside || self.walls[row as usize] >> column & 1 == 1
    }

    /// The walls, one word a row, the westmost tile in the lowest bit.
    #[must_use]
    pub const fn walls(&self) -> &[u64; Self::ROWS] {
        &self.walls
    }

    /// The centres of all floor tiles.
    pub fn floor(&self) -> impl Iterator<Item = Point> + '_ {
        let rows = 0..Self::ROWS as i32;
        let tiles = rows.flat_map(|row| (0..Self::COLUMNS as i32).map(move |column| Tile::new(column, row)));
        tiles.filter(|tile| !self.is_wall(*tile)).map(Tile::centre)
    }

    /// Positions where fighters spawn.
    pub fn spawns(&self) -> impl Iterator<Item = Point> + '_ {
        self.spawns.iter().map(|tile| tile.centre())
    }

    /// Positions of the pickups.
    pub fn pickups(&self) -> impl Iterator<Item = Point> + '_ {
        self.pickups.iter().map(|tile| tile.centre())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Floor tiles reached from the first spawn, counted by a plain flood fill.
    fn reached(map: &Map) -> usize {
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![map.spawns[0]];
        while let Some(tile) = open.pop() {
            if map.is_wall(tile) || !seen.insert(tile) {
                continue;
            }
            let Tile { column, row } = tile;
            open.extend([
                Tile::new(column + 1, row),
                Tile::new(column - 1, row),
                Tile::new(column, row + 1),
                Tile::new(column, row - 1),
            ]);
        }
        seen.len()
    }

    proptest! {
        #[test]
        fn all_floor_is_connected(seed in any::<u64>()) {
            let map = Map::from_seed(seed);
            prop_assert_eq!(reached(&map), map.floor().count());
        }

        #[test]
        fn a_map_has_both_open_floor_and_cover(seed in any::<u64>()) {
            let floor = Map::from_seed(seed).floor().count();
            prop_assert!((800..1300).contains(&floor), "{} tiles of floor", floor);
        }

        #[test]
        fn the_east_mirrors_the_west(seed in any::<u64>()) {
            let map = Map::from_seed(seed);
            for row in map.walls {
                prop_assert_eq!(row, row.reverse_bits() >> (64 - Map::COLUMNS));
            }
        }

        #[test]
        fn there_are_enough_spawns_and_pickups_and_all_are_on_floor(seed in any::<u64>()) {
            let map = Map::from_seed(seed);
            prop_assert!(map.spawns.len() >= 16, "{} spawns", map.spawns.len());
            prop_assert!(map.pickups.len() >= 6, "{} pickups", map.pickups.len());
            for tile in map.spawns.iter().chain(&map.pickups) {
                prop_assert!(!map.is_wall(*tile), "{:?} is wall", tile);
            }
        }
    }

    #[test]
    fn the_map_of_a_seed_never_changes() {
        let digest = Map::from_seed(7)
            .walls
            .iter()
            .fold(0u64, |sum, row| sum.rotate_left(5).wrapping_mul(0x9e37) ^ row);
        assert_eq!(digest, 12_508_841_233_299_235_696, "clients in other languages generate the same walls");
    }
}
