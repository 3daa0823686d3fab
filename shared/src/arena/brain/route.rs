//! The shortest way over the map's tiles.
//!
//! A breadth-first search on whole rows: a row is one word, so a wave spreads over sixty-four tiles with a few shifts.
//! Across the map that takes some microseconds, and keeps nothing.

use crate::arena::{Map, Tile};

type Wave = [u64; Map::ROWS];

/// Writes the shortest way to `path`: the goal first, the next step last. Empty when there is none to go.
pub(super) fn plan(map: &Map, from: Tile, to: Tile, path: &mut Vec<Tile>) {
    path.clear();
    if map.is_wall(from) || map.is_wall(to) {
        return;
    }
    let waves = spread(map, from, to);
    let mut tile = to;
    for wave in waves.iter().rev() {
        path.push(tile);
        let Some(before) = neighbours(tile).into_iter().find(|&tile| holds(wave, tile)) else { return };
        tile = before;
    }
}

/// The waves from `from` until one is about to reach `to`.
fn spread(map: &Map, from: Tile, to: Tile) -> Vec<Wave> {
    let mut waves = Vec::with_capacity(USUAL_WAVES);
    let mut reached: Wave = [0; Map::ROWS];
    let mut wave: Wave = [0; Map::ROWS];
    wave[from.row as usize] = 1 << from.column;
    while !holds(&wave, to) && wave != [0; Map::ROWS] {
        waves.push(wave);
        wave = next(&wave, &mut reached, map.walls());
    }
    waves
}

/// How many waves a way usually takes: from one end of the map to the other.
const USUAL_WAVES: usize = 80;

/// Everything beside the wave that is floor and was not reached before.
fn next(wave: &Wave, reached: &mut Wave, walls: &Wave) -> Wave {
    let mut after = [0; Map::ROWS];
    for row in 0..Map::ROWS {
        reached[row] |= wave[row];
        let north = if row > 0 { wave[row - 1] } else { 0 };
        let south = if row + 1 < Map::ROWS { wave[row + 1] } else { 0 };
        let beside = wave[row] << 1 | wave[row] >> 1 | north | south;
        after[row] = beside & !walls[row] & !reached[row];
    }
    after
}

fn holds(wave: &Wave, tile: Tile) -> bool {
    let row = usize::try_from(tile.row).ok().and_then(|row| wave.get(row));
    row.is_some_and(|row| (0..Map::COLUMNS as i32).contains(&tile.column) && row >> tile.column & 1 == 1)
}

const fn neighbours(Tile { column, row }: Tile) -> [Tile; 4] {
    [
        Tile::new(column + 1, row),
        Tile::new(column - 1, row),
        Tile::new(column, row + 1),
        Tile::new(column, row - 1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_from_tile_to_neighbouring_tile_over_floor_alone() {
        let mut path = Vec::new();
        for seed in 0..50 {
            let map = Map::from_seed(seed);
            let spawns: Vec<Tile> = map.spawns().map(Tile::of).collect();
            let (from, to) = (spawns[0], spawns[spawns.len() - 1]);
            plan(&map, from, to, &mut path);
            assert_eq!(path.first(), Some(&to), "the goal comes first");
            assert!(neighbours(from).contains(&path[path.len() - 1]), "the next step comes last");
            assert!(path.windows(2).all(|pair| neighbours(pair[0]).contains(&pair[1])));
            assert!(path.iter().all(|&tile| !map.is_wall(tile)));
        }
    }

    #[test]
    fn there_is_no_way_into_a_wall() {
        let mut path = vec![Tile::new(1, 1)];
        plan(&Map::from_seed(1), Tile::new(1, 1), Tile::new(0, 0), &mut path);
        assert!(path.is_empty());
    }
}
