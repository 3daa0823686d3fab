//! Visibility: an entity is visible when it is near enough and not hidden by a wall.
//!
//! The eye is the position that a seat sees from: its fighter's. The line of sight is tested from the eye and from points to
//! its sides, to the target and to points to its sides (for a pickup, which does not move, only to its position). The points
//! are as far away as a fighter runs in one round trip, because a client lags by that time: a client thus receives a fighter
//! before it steps round a corner, and enemies rarely pop up.
//!
//! A seat's sight is tested for its nearest entities only ([`MAX_SIGHT_TESTS`]): in a crowded room, the range of sight ends before
//! the first entity that is not tested.

use super::{Arena, ArenaEntity, Map, RUN_SPEED, Tile, state::Player};
use crate::{
    game::{Audience, Entity, Place, Point, UNIT, Viewpoint},
    id::{EntityId, SeatId},
};

/// Range of sight, in 1/256 unit.
const RANGE: u32 = 24 * UNIT as u32;
/// The largest round trip that visibility allows for, in milliseconds.
const ROUND_TRIP_MS: i32 = 200;
/// Distance of the side points of eye and target from the line of sight, in 1/256 unit: 1.2 units, as far as a fighter runs
/// in a round trip. A dash covers more and may surprise, which is its purpose.
const MARGIN: i32 = RUN_SPEED * ROUND_TRIP_MS / 1000;
/// Maximum number of positioned entities in a view.
const MAX_ENTITIES: u16 = 128;
/// Maximum number of entities whose visibility is tested for one seat in one tick: twice [`MAX_ENTITIES`], so a view is full even
/// if walls hide half of them. Without a maximum, the cost of a tick would grow with the square of the seats.
const MAX_SIGHT_TESTS: usize = 2 * MAX_ENTITIES as usize;

impl Arena {
    /// The seat's eye, and the entities that walls hide from it. An eliminated fighter keeps looking from where it fell. A
    /// seat's own fighter and bolts are never hidden: its client predicts them, and a bolt out of sight would vanish in
    /// mid-air.
    pub(super) fn viewpoint(&self, seat: SeatId) -> Viewpoint {
        let Some(player) = self.seats.get(seat.index()).and_then(Option::as_ref) else {
            return Viewpoint::default();
        };
        let eye = player.eye();
        let is_own = |id: EntityId, entity: &ArenaEntity| match entity {
            ArenaEntity::Bolt(bolt) => bolt.owner == seat,
            _ => id == player.fighter.id,
        };
        let in_range = self.entities.iter().filter_map(|(id, entity)| {
            let Place::At(at) = entity.place() else { return None };
            (is_in_range(eye, at) && !is_own(id, entity)).then_some((eye.distance_squared(at), id))
        });
        let mut tested: Vec<(u64, EntityId)> = in_range.collect();
        let mut range = RANGE;
        if tested.len() > MAX_SIGHT_TESTS {
            let (_, (distance, _), _) = tested.select_nth_unstable(MAX_SIGHT_TESTS);
            range = range.min(distance.saturating_sub(1).isqrt() as u32);
            tested.truncate(MAX_SIGHT_TESTS);
        }
        let is_hidden = |id: &EntityId| !self.entities.get(*id).is_some_and(|entity| self.sees(eye, entity));
        let mut hidden: Vec<EntityId> = tested.into_iter().map(|(_, id)| id).filter(is_hidden).collect();
        hidden.sort_unstable();
        Viewpoint { eye, range, max_entities: MAX_ENTITIES, hidden, focus: self.focus(seat) }
    }

    /// Whether walls leave an entity visible from this eye.
    fn sees(&self, eye: Point, entity: &ArenaEntity) -> bool {
        match (entity, entity.place()) {
            (ArenaEntity::Pickup(pickup), _) => is_pickup_visible(&self.map, eye, pickup.at),
            (_, Place::At(at)) => is_visible(&self.map, eye, at),
            (_, Place::Everywhere | Place::Only(_)) => true,
        }
    }

    /// The entities of highest priority for a seat, in ascending order: its own bolts, and the fighters that it hit or was hit by
    /// in the last second.
    fn focus(&self, seat: SeatId) -> Vec<EntityId> {
        let bolts = self.bolts.iter().filter(|(_, bolt)| bolt.owner == seat).map(|(id, _)| *id);
        let fighter = |seat: SeatId| Some(self.seats.get(seat.index())?.as_ref()?.fighter.id);
        let mut focus: Vec<EntityId> =
            bolts.chain(self.recent_hits.opponents(seat).filter_map(fighter)).collect();
        focus.sort_unstable();
        focus.dedup();
        focus
    }

    /// The seats that see a position, and the seat `also` (if occupied) even when it does not.
    pub(super) fn seats_seeing(&self, at: Point, also: SeatId) -> Audience {
        let sees = |player: &&Player| {
            let eye = player.eye();
            player.fighter.state.seat == also || is_in_range(eye, at) && is_visible(&self.map, eye, at)
        };
        Audience::Seats(self.players().filter(sees).map(|player| player.fighter.state.seat).collect())
    }
}

impl Player {
    const fn eye(&self) -> Point {
        self.fighter.state.body.at
    }
}

/// Whether a position may count as within [`RANGE`] under any rounding: an entity at the edge must not be left unhidden.
fn is_in_range(eye: Point, at: Point) -> bool {
    eye.distance_squared(at) <= u64::from(RANGE + 1).pow(2)
}

/// Whether eye and target see each other, each taken at its position or a margin to the side.
fn is_visible(map: &Map, eye: Point, at: Point) -> bool {
    if map.is_free(eye, at) {
        return true;
    }
    let sideways = sideways(eye, at);
    // Two fighters that run for one corner from both sides shift the line between them in parallel.
    let is_free_from = |side| {
        let (from, to) = (step_aside(map, eye, side), step_aside(map, at, side));
        map.is_free(from, at) || map.is_free(eye, to) || map.is_free(from, to)
    };
    is_free_from(sideways) || is_free_from(-sideways)
}

/// Whether the eye, at its position or a margin to the side, sees a pickup. Pickups do not move, and they are half of all
/// hidden entities.
fn is_pickup_visible(map: &Map, eye: Point, at: Point) -> bool {
    if map.is_free(eye, at) {
        return true;
    }
    let sideways = sideways(eye, at);
    [sideways, -sideways].into_iter().any(|side| map.is_free(step_aside(map, eye, side), at))
}

/// The offset of one margin to the side of a line of sight.
fn sideways(eye: Point, at: Point) -> Point {
    let line = at - eye;
    Point::new(-line.y, line.x).scaled(MARGIN, (line.length() as i32).max(1))
}

/// A position shifted to the side: half as far when a wall is there.
fn step_aside(map: &Map, at: Point, side: Point) -> Point {
    let full = at + side;
    if map.is_wall(Tile::of(full)) { at + side.scaled(1, 2) } else { full }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arena::Settings,
        game::{Game, Occupant, Setup},
        tick::TickRate,
    };

    #[test]
    fn in_a_crowded_room_the_nearest_entities_are_tested_and_no_untested_one_is_visible() {
        let setup =
            Setup { settings: Settings::default(), seed: 3, seats: 1000, tick_rate: TickRate::default() };
        let mut arena = Arena::new(&setup);
        (0..1000).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Bot));
        let mut is_shortened = false;
        for seat in (0..1000).step_by(100).map(SeatId) {
            let Viewpoint { eye, range, hidden, .. } = arena.viewpoint(seat);
            assert!(hidden.len() <= MAX_SIGHT_TESTS, "{} entities were tested", hidden.len());
            is_shortened |= range < RANGE;
            let in_range = arena.entities.iter().filter(|(_, entity)| match entity.place() {
                Place::At(at) => eye.distance_squared(at) <= u64::from(range).pow(2),
                Place::Everywhere | Place::Only(_) => false,
            });
            let shown: Vec<_> = in_range.filter(|(id, _)| hidden.binary_search(id).is_err()).collect();
            assert!(!shown.is_empty(), "a fighter sees itself");
            for (id, entity) in shown {
                assert!(arena.sees(eye, entity), "{id} is hidden by a wall and visible to {seat:?}");
            }
        }
        assert!(is_shortened, "some seats must have more entities in range than are tested");
    }

    #[test]
    fn fighters_just_round_a_corner_are_visible_and_those_behind_a_wall_are_hidden() {
        let map = Map::from_seed(1);
        let (mut corners, mut hidden) = (0, 0);
        for at in map.floor() {
            for eye in map.floor().filter(|eye| is_in_range(*eye, at) && !map.is_free(*eye, at)) {
                if is_visible(&map, eye, at) {
                    corners += 1;
                } else {
                    hidden += 1;
                }
            }
        }
        assert!(
            corners > 0 && hidden > 3 * corners,
            "some are visible round corners ({corners}), most stay hidden behind walls ({hidden})"
        );
    }

    #[test]
    fn visibility_is_symmetric() {
        let map = Map::from_seed(2);
        let floor: Vec<Point> = map.floor().step_by(7).collect();
        for &a in &floor {
            for &b in &floor {
                assert_eq!(
                    is_visible(&map, a, b),
                    is_visible(&map, b, a),
                    "{:?} and {:?}",
                    Tile::of(a),
                    Tile::of(b)
                );
            }
        }
    }
}
