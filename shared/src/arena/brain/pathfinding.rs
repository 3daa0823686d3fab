//! Shortest paths over the map's tiles.
//!
//! A breadth-first search on rows of bits: a row of tiles is one word, so a frontier expands a row with a few shifts. A
//! search across the map takes some microseconds and keeps no state.

use crate::arena::{Map, Tile};

/// The tiles at one distance from the start: one word a row, a set bit is a tile.
type Frontier = [u64; Map::ROWS];

/// Writes the shortest path to `path`: the goal first, the next step last, without the start. The path is empty when either
/// end is a wall or the start is the goal. All floor of a map is connected, so any other path exists.
pub(super) fn find_path(map: &Map, from: Tile, to: Tile, path: &mut Vec<Tile>) {
    path.clear();
    if map.is_wall(from) || map.is_wall(to) {
        return;
    }
    let frontiers = search(map, from, to);
    let mut tile = to;
    for frontier in frontiers.iter().rev() {
        path.push(tile);
        let Some(before) = neighbours(tile).into_iter().find(|&tile| contains(frontier, tile)) else {
            return;
        };
        tile = before;
    }
}

/// The frontiers of the search from `from`, up to the one before `to`.
fn search(map: &Map, from: Tile, to: Tile) -> Vec<Frontier> {
    let mut frontiers = Vec::with_capacity(TYPICAL_PATH_STEPS);
    let mut reached: Frontier = [0; Map::ROWS];
    let mut frontier: Frontier = [0; Map::ROWS];
    frontier[from.row as usize] = 1 << from.column;
    while !contains(&frontier, to) && frontier != [0; Map::ROWS] {
        frontiers.push(frontier);
        frontier = expand(&frontier, &mut reached, map.walls());
    }
    frontiers
}

/// Typical number of frontiers for a path: from one end of the map to the other.
const TYPICAL_PATH_STEPS: usize = 80;

/// The floor tiles adjacent to the frontier that were not reached before.
fn expand(frontier: &Frontier, reached: &mut Frontier, walls: &Frontier) -> Frontier {
    let mut after = [0; Map::ROWS];
    for row in 0..Map::ROWS {
        reached[row] |= frontier[row];
        let north = if row > 0 { frontier[row - 1] } else { 0 };
        let south = if row + 1 < Map::ROWS { frontier[row + 1] } else { 0 };
        let adjacent = frontier[row] << 1 | frontier[row] >> 1 | north | south;
        after[row] = adjacent & !walls[row] & !reached[row];
    }
    after
}

fn contains(frontier: &Frontier, tile: Tile) -> bool {
    let row = usize::try_from(tile.row).ok().and_then(|row| frontier.get(row));
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
    fn a_path_leads_over_neighbouring_floor_tiles() {
        let mut path = Vec::new();
        for seed in 0..50 {
            let map = Map::from_seed(seed);
            let spawns: Vec<Tile> = map.spawns().map(Tile::of).collect();
            let (from, to) = (spawns[0], spawns[spawns.len() - 1]);
            find_path(&map, from, to, &mut path);
            assert_eq!(path.first(), Some(&to), "the goal comes first");
            assert!(neighbours(from).contains(&path[path.len() - 1]), "the next step comes last");
            assert!(path.windows(2).all(|pair| neighbours(pair[0]).contains(&pair[1])));
            assert!(path.iter().all(|&tile| !map.is_wall(tile)));
        }
    }

    #[test]
    fn there_is_no_path_into_a_wall() {
        let mut path = vec![Tile::new(1, 1)];
        find_path(&Map::from_seed(1), Tile::new(1, 1), Tile::new(0, 0), &mut path);
        assert!(path.is_empty());
    }
}
