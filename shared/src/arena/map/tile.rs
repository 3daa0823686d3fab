//! The tiles of the map: its dimensions, the address of a tile, and the bits that mark walls.

use crate::game::{Point, UNIT};

/// Tiles from west to east.
pub(super) const COLUMNS: usize = 48;
/// Tiles from north to south.
pub(super) const ROWS: usize = 32;
/// The side of a tile in 1/256 unit: two units.
pub(super) const SIDE: i32 = 2 * UNIT;

/// One word a row, the westmost tile in the lowest bit; a set bit is a wall.
pub(super) type Walls = [u64; ROWS];

/// A tile by column and row. Every tile outside the map is a wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// Column, counted from the west.
    pub column: i32,
    /// Row, counted from the north.
    pub row: i32,
}

impl Tile {
    /// The tile at this column and row.
    #[must_use]
    pub const fn new(column: i32, row: i32) -> Self {
        Self { column, row }
    }

    /// The tile that contains this position.
    #[must_use]
    pub const fn of(at: Point) -> Self {
        Self::new(at.x.div_euclid(SIDE), at.y.div_euclid(SIDE))
    }

    /// The centre of the tile.
    #[must_use]
    pub const fn centre(self) -> Point {
        Point::new(self.column * SIDE + SIDE / 2, self.row * SIDE + SIDE / 2)
    }
}
