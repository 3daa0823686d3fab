//! A grid of square cells that finds the points nearest to a center without a scan of all points.

use crate::game::Point;

/// The average number of points per cell: few enough that a search skips most points, enough that the table of cells stays in cache.
const POINTS_PER_CELL: u64 = 8;

/// Numbered points, sorted into cells. Built once per tick and immutable.
#[derive(Debug)]
pub struct Grid {
    origin: Point,
    /// The side length of a cell, in 1/256 unit.
    cell: i64,
    columns: i64,
    rows: i64,
    /// The offset of each cell's first point in `points`, and the end of the last cell.
    starts: Vec<u32>,
    points: Vec<(Point, u32)>,
}

impl Grid {
    /// Creates a grid of points, each with a number of the caller's choice.
    #[must_use]
    pub fn new(points: &[(Point, u32)]) -> Self {
        let (low, high) = bounds(points);
        let width = i64::from(high.x) - i64::from(low.x) + 1;
        let height = i64::from(high.y) - i64::from(low.y) + 1;
        let cells = (points.len() as u64 / POINTS_PER_CELL).max(1);
        let area = width as u128 * height as u128;
        // Points along a line would give too many columns of one row, so the longer side bounds the number of cells as well.
        let square = (area / u128::from(cells)).isqrt() as i64;
        let cell = square.max(width.max(height) / cells as i64).max(1) + 1;
        let mut grid = Self {
            origin: low,
            cell,
            columns: (width - 1) / cell + 1,
            rows: (height - 1) / cell + 1,
            starts: Vec::new(),
            points: Vec::new(),
        };
        grid.sort(points);
        grid
    }

    /// Sorts the points by cell with a counting sort.
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
        let range_squared = u64::from(range) * u64::from(range);
        scratch.clear();
        for ring in 0..self.columns.max(self.rows) {
            self.ring(center, ring, |(point, number)| {
                let distance = center.distance_squared(point);
                if distance <= range_squared && is_shown(number) {
                    scratch.push((distance, number));
                }
            });
            let covered = self.covered(center, ring);
            let is_complete =
                scratch.len() >= max && scratch.iter().filter(|(d, _)| *d <= covered).count() >= max;
            if is_complete || covered >= range_squared {
                break;
            }
        }
        if scratch.len() > max && max > 0 {
            scratch.select_nth_unstable(max - 1);
        }
        found.clear();
        found.extend(scratch.iter().take(max).map(|(_, number)| *number));
    }

    /// Visits the points in the square ring of cells at Chebyshev distance `ring` from the center's cell.
    fn ring(&self, center: Point, ring: i64, mut visit: impl FnMut((Point, u32))) {
        let (column, row) = self.cell_of(center);
        for y in (row - ring).max(0)..=(row + ring).min(self.rows - 1) {
            let edge = (y - row).abs() == ring;
            let step = if edge || ring == 0 { 1 } else { 2 * ring };
            let mut x = column - ring;
            while x <= column + ring {
                if (0..self.columns).contains(&x) {
                    let cell = (y * self.columns + x) as usize;
                    let points = self.starts[cell] as usize..self.starts[cell + 1] as usize;
                    self.points[points].iter().for_each(|entry| visit(*entry));
                }
                x += step;
            }
        }
    }

    /// Returns the square of the distance from the center within which the rings up to this one contain every point. A side of the ring
    /// outside of the grid has no points after it and does not limit the distance.
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

    #[test]
    fn a_grid_of_points_along_a_line_has_fewer_cells_than_points() {
        let points: Vec<_> = (0..1000).map(|n| (Point::new(n * 1_000_000, 0), n as u32)).collect();
        assert!(Grid::new(&points).starts.len() < 1000);
    }
}
