//! Path following: walks a planned path, skips steps where the straight line is clear, and detects a stuck bot.

use super::{pathfinding, perception::Perception};
use crate::{
    arena::{Fighter, Map, Tile},
    game::{Point, UNIT},
    tick::Tick,
};

/// A bot's path to its goal.
#[derive(Debug, Default)]
pub(super) struct Navigator {
    /// The tiles still to walk: the goal first, the next step last.
    path: Vec<Tile>,
    goal: Tile,
    planned_tick: Tick,
    /// Position at the last progress; a bot that stays near it is stuck.
    progress_at: Point,
    progress_tick: Tick,
}

/// Minimum time between two plans, in milliseconds.
const REPLAN_MS: u32 = 400;
/// A bot that has not left a circle of this radius (1/256 unit) for [`STUCK_MS`] is stuck.
const STUCK_RADIUS: i32 = UNIT / 2;
/// Time without progress after which a bot is stuck, in milliseconds.
const STUCK_MS: u32 = 800;
/// Distance at which a step counts as reached, in 1/256 unit.
const ARRIVAL_RADIUS: i32 = UNIT * 3 / 4;

impl Navigator {
    /// Returns the vector to the next step of the path to `goal`; zero when the path is empty. Plans again when the goal has
    /// changed, the path is walked, or the bot is stuck.
    pub(super) fn direction(&mut self, perception: &Perception<'_>, goal: Tile) -> Point {
        let (at, now) = (perception.at(), perception.tick);
        let is_stale = now.since(self.planned_tick) >= perception.rate.ticks(REPLAN_MS);
        if is_stale && (goal != self.goal || self.path.is_empty() || self.is_stuck(perception)) {
            pathfinding::find_path(perception.map, Tile::of(at), goal, &mut self.path);
            (self.goal, self.planned_tick) = (goal, now);
        }
        self.shorten(perception.map, at);
        self.path.last().map_or_else(Point::default, |next| next.centre() - at)
    }

    /// Whether the bot has stayed within [`STUCK_RADIUS`] for [`STUCK_MS`]. Records progress when the bot has left that circle.
    pub(super) fn is_stuck(&mut self, perception: &Perception<'_>) -> bool {
        if perception.distance(self.progress_at) > STUCK_RADIUS {
            (self.progress_at, self.progress_tick) = (perception.at(), perception.tick);
        }
        perception.tick.since(self.progress_tick) >= perception.rate.ticks(STUCK_MS)
    }

    /// Drops the next step when it is reached, or when the step after it can be reached in a straight line.
    fn shorten(&mut self, map: &Map, at: Point) {
        let Some(&next) = self.path.last() else { return };
        let has_arrived = at.distance(next.centre()) <= ARRIVAL_RADIUS as u32;
        let after = self.path.len().checked_sub(2).map(|index| self.path[index].centre());
        if has_arrived || after.is_some_and(|after| is_walkable(map, at, after)) {
            self.path.pop();
        }
    }
}

/// Whether a fighter can walk straight between two positions: the lines along both of its sides must be clear.
fn is_walkable(map: &Map, from: Point, to: Point) -> bool {
    let line = to - from;
    let offset = Point::new(-line.y, line.x).scaled(Fighter::RADIUS, (line.length() as i32).max(1));
    map.is_free(from + offset, to + offset) && map.is_free(from - offset, to - offset)
}
