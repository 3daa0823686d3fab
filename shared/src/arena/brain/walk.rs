//! Getting somewhere: a path, cut short where the way is clear, and a watch for not getting on.

use super::{percept::Percept, route};
use crate::{
    arena::{Fighter, Map, Tile},
    game::{Point, UNIT},
    tick::Tick,
};

/// A bot's way to where it goes.
#[derive(Debug, Default)]
pub(super) struct Walker {
    /// The tiles still to go, the goal first, the next step last.
    path: Vec<Tile>,
    goal: Tile,
    planned: Tick,
    /// Where it was when it last got on.
    mark: Point,
    marked: Tick,
}

/// How long a plan stands at least, in milliseconds.
const REPLAN_MS: u32 = 400;
/// Whoever has not left this circle for [`STUCK_MS`] is stuck, in 1/256 unit.
const STUCK_RADIUS: i32 = UNIT / 2;
const STUCK_MS: u32 = 800;
/// How near a step counts as made, in 1/256 unit.
const ARRIVED: i32 = UNIT * 3 / 4;

impl Walker {
    /// Which way to go now; none when there.
    pub(super) fn way(&mut self, percept: &Percept<'_>, goal: Tile) -> Point {
        let (at, now) = (percept.at(), percept.tick);
        let is_stale = now.since(self.planned) >= percept.rate.ticks(REPLAN_MS);
        if is_stale && (goal != self.goal || self.path.is_empty() || self.is_stuck(percept)) {
            route::plan(percept.map, Tile::of(at), goal, &mut self.path);
            (self.goal, self.planned) = (goal, now);
        }
        self.shorten(percept.map, at);
        self.path.last().map_or_else(Point::default, |next| next.centre() - at)
    }

    /// Whether it has wanted to get on for a while and did not.
    pub(super) fn is_stuck(&mut self, percept: &Percept<'_>) -> bool {
        if percept.distance(self.mark) > STUCK_RADIUS {
            (self.mark, self.marked) = (percept.at(), percept.tick);
        }
        percept.tick.since(self.marked) >= percept.rate.ticks(STUCK_MS)
    }

    /// Drops the next step when it is made, or when the one after it can be walked to straight.
    fn shorten(&mut self, map: &Map, at: Point) {
        let Some(&next) = self.path.last() else { return };
        let is_there = at.distance(next.centre()) <= ARRIVED as u32;
        let after = self.path.len().checked_sub(2).map(|index| self.path[index].centre());
        if is_there || after.is_some_and(|after| is_walkable(map, at, after)) {
            self.path.pop();
        }
    }
}

/// Whether a fighter can walk straight from here to there: both of its sides find the way free.
fn is_walkable(map: &Map, from: Point, to: Point) -> bool {
    let way = to - from;
    let aside = Point::new(-way.y, way.x).scaled(Fighter::RADIUS, (way.length() as i32).max(1));
    map.is_free(from + aside, to + aside) && map.is_free(from - aside, to - aside)
}
