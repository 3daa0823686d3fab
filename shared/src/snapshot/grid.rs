//! A grid of square cells that finds the points nearest to a center without a scan of all points.
//!
//! A cell with many points has a grid of its own, so the cost of a search does not depend on the distribution of the points: neither
//! an outlier, which makes all cells large, nor a dense cluster makes a search scan many points.

use std::collections::BTreeMap;

use crate::game::Point;

/// The average number of points per cell: few enough that a search skips most points, enough that the table of cells stays in cache.
const POINTS_PER_CELL: u64 = 8;

/// The number of points above which a cell has a grid of its own: several times the average, so that evenly distributed points need
/// only one grid.
const MAX_CELL_POINTS: usize = 64;

/// Numbered points, sorted into cells. Built once per tick and immutable.
#[derive(Debug)]
pub struct Grid {
    origin: Point,
    /// The side length of a cell, in 1/256 unit. The points of a cell of length 1 have equal positions.
    cell: i64,
    columns: i64,
    rows: i64,
    /// The offset of each cell's first point in `points`, and the end of the last cell.
    starts: Vec<u32>,
    points: Vec<(Point, u32)>,
    /// The grids of the cells with more than [`MAX_CELL_POINTS`] points at different positions, by the index of the cell.
    dense: BTreeMap<usize, Self>,
}

impl Grid {
    /// Creates a grid of points, each with a number of the caller's choice, in ascending order of numbers.
    #[must_use]
    pub fn new(points: &[(Point, u32)]) -> Self {
        let (low, high) = bounds(points);
        let width = i64::from(high.x) - i64::from(low.x) + 1;
        let height = i64::from(high.y) - i64::from(low.y) + 1;
        let cells = (points.len() as u64 / POINTS_PER_CELL).max(1);
        let area = width as u128 * height as u128;
        // Points along a line would give too many columns of one row, so the longer side bounds the number of cells as well.
        let square = (area / u128::from(cells)).isqrt() as i64;
        // More than half of the longer side would leave all points in one cell, whose grid would be the same again.
        let longer = width.max(height);
        let cell = (square.max(longer / cells as i64) + 1).min((longer + 1) / 2);
        let mut grid = Self {
            origin: low,
            cell,
            columns: (width - 1) / cell + 1,
            rows: (height - 1) / cell + 1,
            starts: Vec::new(),
            points: Vec::new(),
            dense: BTreeMap::new(),
        };
        grid.sort(points);
        grid.subdivide();
        grid
    }

    /// Sorts the points by cell with a counting sort, which keeps the order within a cell.
    fn sort(&mut self, points: &[(Point, u32)]) {
        self.starts = vec![0; (self.columns * self.rows) as usize + 1];
        for (point, _) in points {
            let cell = self.cell_index(*point);
            self.starts[cell + 1] += 1;
        }
        for cell in 1..self.starts.len() {
            self.starts[cell] += self.starts[cell - 1];
        }
        self.points = vec![Default::default(); points.len()];
        let mut next = self.starts.clone();
        for entry in points {
            let cell = self.cell_index(entry.0);
            self.points[next[cell] as usize] = *entry;
            next[cell] += 1;
        }
    }

    /// Creates the grids of the cells with many points. Each level at least halves the longer side, which has at most 2^32 positions, so
    /// there are at most 32 levels.
    fn subdivide(&mut self) {
        if self.cell > 1 {
            let cells = 0..self.starts.len() - 1;
            let is_dense = |cell: &usize| self.points_in(*cell).len() > MAX_CELL_POINTS;
            self.dense = cells.filter(is_dense).map(|cell| (cell, Self::new(self.points_in(cell)))).collect();
        }
    }

    fn points_in(&self, cell: usize) -> &[(Point, u32)] {
        &self.points[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }

    /// Overwrites `found` with the numbers of the `max` points nearest to `center` within `range` (1/256 unit) for which `is_shown`
    /// returns true, in arbitrary order. Of equally distant points the one with the lower number counts as nearer. `scratch` is
    /// overwritten.
    pub fn nearest(
        &self,
        center: Point,
        range: u32,
        max: usize,
        is_shown: impl Fn(u32) -> bool,
        scratch: &mut Vec<(u64, u32)>,
        found: &mut Vec<u32>,
    ) {
        scratch.clear();
        let max_distance = u64::from(range) * u64::from(range);
        let mut search = NearestSearch { center, max, max_distance, is_shown, candidates: scratch };
        if max > 0 {
            search.visit(self);
        }
        if scratch.len() > max && max > 0 {
            scratch.select_nth_unstable(max - 1);
        }
        found.clear();
        found.extend(scratch.iter().take(max).map(|(_, number)| *number));
    }

    /// Calls `visit` with the index of each cell in the square ring at Chebyshev distance `ring` from the center's cell.
    fn ring(&self, center: Point, ring: i64, mut visit: impl FnMut(usize)) {
        let (column, row) = self.cell_of(center);
        for y in (row - ring).max(0)..=(row + ring).min(self.rows - 1) {
            let edge = (y - row).abs() == ring;
            let step = if edge || ring == 0 { 1 } else { 2 * ring };
            let mut x = column - ring;
            while x <= column + ring {
                if (0..self.columns).contains(&x) {
                    visit((y * self.columns + x) as usize);
                }
                x += step;
            }
        }
    }

    /// Returns the square of a distance: the rings up to this one contain every point of the grid that is nearer to the center. A side of
    /// the ring outside of the grid has no points after it and does not limit the distance.
    fn covered(&self, center: Point, ring: i64) -> u64 {
        let (column, row) = self.cell_of(center);
        let x = i64::from(center.x) - i64::from(self.origin.x);
        let y = i64::from(center.y) - i64::from(self.origin.y);
        let sides = [
            (column - ring > 0).then(|| x - (column - ring) * self.cell),
            (row - ring > 0).then(|| y - (row - ring) * self.cell),
            (column + ring < self.columns - 1).then(|| (column + ring + 1) * self.cell - x),
            (row + ring < self.rows - 1).then(|| (row + ring + 1) * self.cell - y),
        ];
        let nearest = sides.into_iter().flatten().min();
        nearest.map_or(u64::MAX, |side| (side.max(0) as u64).saturating_pow(2))
    }

    /// Returns the column and row of the cell that contains this point, or of the nearest cell for a point outside of the grid.
    fn cell_of(&self, point: Point) -> (i64, i64) {
        let column = (i64::from(point.x) - i64::from(self.origin.x)).div_euclid(self.cell);
        let row = (i64::from(point.y) - i64::from(self.origin.y)).div_euclid(self.cell);
        (column.clamp(0, self.columns - 1), row.clamp(0, self.rows - 1))
    }

    fn cell_index(&self, point: Point) -> usize {
        let (column, row) = self.cell_of(point);
        (row * self.columns + column) as usize
    }
}

/// A search for the points nearest to a center.
struct NearestSearch<'a, F> {
    center: Point,
    /// The number of points to find, at least 1.
    max: usize,
    /// The square of the distance beyond which points are not found, in (1/256 unit)².
    max_distance: u64,
    is_shown: F,
    /// The squared distances and the numbers of the points that may be among the nearest.
    candidates: &'a mut Vec<(u64, u32)>,
}

impl<F: Fn(u32) -> bool> NearestSearch<'_, F> {
    /// Adds the points of a grid that may be among the nearest, ring by ring, until no further point can be.
    fn visit(&mut self, grid: &Grid) {
        for ring in 0..grid.columns.max(grid.rows) {
            grid.ring(self.center, ring, |cell| match grid.dense.get(&cell) {
                Some(grid) => self.visit(grid),
                None if grid.cell == 1 => self.add_equal(grid.points_in(cell)),
                None => self.add(grid.points_in(cell)),
            });
            let covered = grid.covered(self.center, ring);
            if covered > self.max_distance || self.has_enough_within(covered) {
                break;
            }
        }
    }

    /// Whether enough candidates are nearer than this squared distance.
    fn has_enough_within(&self, distance: u64) -> bool {
        let is_near = |(candidate, _): &&(u64, u32)| *candidate < distance;
        self.candidates.len() >= self.max && self.candidates.iter().filter(is_near).count() >= self.max
    }

    fn add(&mut self, points: &[(Point, u32)]) {
        for (point, number) in points {
            let distance = self.center.distance_squared(*point);
            if distance <= self.max_distance && (self.is_shown)(*number) {
                self.candidates.push((distance, *number));
            }
        }
    }

    /// Adds points with equal positions, of which those with the lowest numbers count as the nearest.
    fn add_equal(&mut self, points: &[(Point, u32)]) {
        let Some((point, _)) = points.first() else { return };
        let distance = self.center.distance_squared(*point);
        if distance <= self.max_distance {
            let shown = points.iter().map(|(_, number)| *number).filter(|number| (self.is_shown)(*number));
            self.candidates.extend(shown.take(self.max).map(|number| (distance, number)));
        }
    }
}

/// Returns the lowest and the highest coordinates; the origin twice for an empty list.
fn bounds(points: &[(Point, u32)]) -> (Point, Point) {
    let Some((first, _)) = points.first() else { return Default::default() };
    points.iter().fold((*first, *first), |(low, high), (point, _)| {
        (
            Point::new(low.x.min(point.x), low.y.min(point.y)),
            Point::new(high.x.max(point.x), high.y.max(point.y)),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// The numbers that [`Grid::nearest`] must find, by a scan of all points.
    fn nearest_by_scan(points: &[(Point, u32)], center: Point, range: u32, max: usize) -> Vec<u32> {
        let mut all: Vec<_> = points
            .iter()
            .map(|(point, number)| (center.distance_squared(*point), *number))
            .filter(|(distance, _)| *distance <= u64::from(range).pow(2))
            .collect();
        all.sort_unstable();
        let mut numbers: Vec<_> = all.into_iter().take(max).map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    fn point(max: i32) -> impl Strategy<Value = Point> {
        (-max..max, -max..max).prop_map(|(x, y)| Point::new(x, y))
    }

    proptest! {
        #[test]
        fn the_grid_finds_what_a_full_search_finds(
            spread in prop_oneof![Just(3), Just(5_000), Just(i32::MAX)],
            points in proptest::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 0..300),
            center in point(20_000),
            range in prop_oneof![Just(u32::MAX), 0..30_000u32],
            max in 0..80usize,
        ) {
            let scaled = |v: f64| (v * f64::from(spread)) as i32;
            let points: Vec<_> = (0..).zip(points).map(|(n, (x, y))| (Point::new(scaled(x), scaled(y)), n)).collect();
            let mut found = Vec::new();
            Grid::new(&points).nearest(center, range, max, |_| true, &mut Vec::new(), &mut found);
            found.sort_unstable();
            prop_assert_eq!(found, nearest_by_scan(&points, center, range, max));
        }
    }

    /// 10,000 points in distributions that one grid of equal cells would handle badly.
    fn distributions() -> [(&'static str, Vec<(Point, u32)>); 6] {
        let square = |at: u32| Point::new((at % 100 * 500) as i32, (at / 100 * 500) as i32);
        let far = Point::new(i32::MAX, i32::MIN);
        let numbered = |position: &dyn Fn(u32) -> Point| (0..10_000).map(|n| (position(n), n)).collect();
        [
            ("even", numbered(&square)),
            ("one outlier", numbered(&|n| if n == 5_000 { far } else { square(n) })),
            (
                "two clusters",
                numbered(&|n| if n % 2 == 0 { far - square(n).scaled(1, 1000) } else { square(n) }),
            ),
            ("one position", numbered(&|_| Point::new(7, 7))),
            ("four positions", numbered(&|n| Point::new((n % 2) as i32, (n / 2 % 2) as i32))),
            ("ever denser", numbered(&|n| Point::new(i32::MAX >> (n % 31), 0))),
        ]
    }

    #[test]
    fn a_search_looks_at_few_points_in_any_distribution() {
        for (name, points) in distributions() {
            let grid = Grid::new(&points);
            let looked_at = Cell::new(0);
            let mut found = Vec::new();
            for (center, _) in points.iter().step_by(97) {
                let is_shown = |_| {
                    looked_at.set(looked_at.get() + 1);
                    true
                };
                grid.nearest(*center, u32::MAX, 64, is_shown, &mut Vec::new(), &mut found);
                found.sort_unstable();
                assert_eq!(found, nearest_by_scan(&points, *center, u32::MAX, 64), "{name}, from {center:?}");
            }
            let mean = looked_at.get() / points.iter().step_by(97).count();
            assert!(mean < 700, "{name}: a search looks at {mean} of 10,000 points");
        }
    }

    #[test]
    fn a_grid_of_points_along_a_line_has_fewer_cells_than_points() {
        let points: Vec<_> = (0..1000).map(|n| (Point::new(n * 1_000_000, 0), n as u32)).collect();
        assert!(Grid::new(&points).starts.len() < 1000);
    }
}
