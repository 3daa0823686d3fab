//! Spawn points and pickup positions: derived from the walls and the seed, mirrored like the walls.

use super::tile::{COLUMNS, ROWS, Tile, Walls};
use crate::game::GameRng;

/// Spawn points of each half.
const SPAWNS: usize = 12;
/// Pickups of each half.
const PICKUPS: usize = 6;
/// Initial minimum Manhattan distance between two spots of one kind in the western half, in tiles; a spot may be nearer to a
/// mirror image.
const SPACING: i32 = 8;
/// The random stream of spots.
const STREAM: u64 = 0x6d61_7002;

/// Chooses the spawn points, then the pickup positions.
pub(super) fn choose(walls: &Walls, seed: u64) -> (Vec<Tile>, Vec<Tile>) {
    let mut rng = GameRng::new(seed, STREAM);
    let mut floor = floor_of_west(walls);
    shuffle(&mut floor, &mut rng);
    let spawns = spread(&floor, SPAWNS);
    floor.retain(|tile| !spawns.contains(tile));
    let pickups = spread(&floor, PICKUPS);
    (with_mirror(&spawns), with_mirror(&pickups))
}

fn floor_of_west(walls: &Walls) -> Vec<Tile> {
    let all = (0..ROWS).flat_map(|row| (0..COLUMNS / 2).map(move |column| (column, row)));
    all.filter(|&(column, row)| walls[row] >> column & 1 == 0)
        .map(|(column, row)| Tile::new(column as i32, row as i32))
        .collect()
}

fn shuffle(tiles: &mut [Tile], rng: &mut GameRng) {
    for last in (1..tiles.len()).rev() {
        tiles.swap(last, rng.below(last as u32 + 1) as usize);
    }
}

/// The first `count` tiles that keep the minimum distance to each other; the distance shrinks while too few are found.
fn spread(tiles: &[Tile], count: usize) -> Vec<Tile> {
    let mut chosen: Vec<Tile> = Vec::with_capacity(count);
    for spacing in (1..=SPACING).rev() {
        for &tile in tiles {
            if chosen.len() < count && chosen.iter().all(|&other| steps_between(tile, other) >= spacing) {
                chosen.push(tile);
            }
        }
    }
    chosen
}

const fn steps_between(a: Tile, b: Tile) -> i32 {
    (a.column - b.column).abs() + (a.row - b.row).abs()
}

/// Each tile followed by its mirror image, so that both get the same [kind](crate::arena::PickupKind::at_index) of pickup.
fn with_mirror(west: &[Tile]) -> Vec<Tile> {
    let mirror = |tile: &Tile| Tile::new(COLUMNS as i32 - 1 - tile.column, tile.row);
    west.iter().flat_map(|tile| [*tile, mirror(tile)]).collect()
}
