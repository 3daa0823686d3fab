//! What a seat may see: what is near enough and not behind a wall.
//!
//! Eye and target are each taken as wide as they run in a round trip. Between what a screen knew and what it shows lies one:
//! whoever steps round a corner, or looks round it, is known by then, and hardly anybody pops up out of nothing.

use super::{Arena, ArenaEntity, Map, RUN_SPEED, Seated, Tile};
use crate::{
    game::{Audience, Entity, Place, Point, UNIT, Viewpoint},
    id::{EntityId, SeatId},
};

/// How far a fighter sees, in 1/256 unit.
const RANGE: u32 = 24 * UNIT as u32;
/// The round trip that still counts as playable, in milliseconds.
const ROUND_TRIP_MS: i32 = 200;
/// How far to each side of the straight line a glance may begin or end, in 1/256 unit: 1.2 units, what either of the two runs in
/// a round trip. Whoever dashes gets farther and may surprise, which is what a dash is for.
const MARGIN: i32 = RUN_SPEED * ROUND_TRIP_MS / 1000;
/// The most things with a place that a seat is shown.
const MOST: u16 = 128;

impl Arena {
    /// Where this seat looks from, and what walls hide from it. The fallen look on from where they fell. Nobody's own fighter and
    /// bolts are hidden from them: a client steps those ahead, and a bolt that it lost sight of would go out in mid-air.
    pub(super) fn viewpoint(&self, seat: SeatId) -> Viewpoint {
        let Some(seated) = self.seats.get(seat.index()).and_then(Option::as_ref) else {
            return Viewpoint::default();
        };
        let eye = seated.eye();
        let hides = |(id, entity): (EntityId, &ArenaEntity)| {
            let Place::At(at) = entity.place() else { return None };
            let is_seen = || match entity {
                ArenaEntity::Pickup(_) => is_seen_lying(&self.map, eye, at),
                _ => is_seen(&self.map, eye, at),
            };
            let is_own = match entity {
                ArenaEntity::Bolt(bolt) => bolt.owner == seat,
                _ => id == seated.fighter.id,
            };
            let is_hidden = !is_own && is_in_range(eye, at) && !is_seen();
            is_hidden.then_some(id)
        };
        Viewpoint {
            eye,
            range: RANGE,
            max_entities: MOST,
            hidden: self.entities.iter().filter_map(hides).collect(),
            focus: self.focus(seat),
        }
    }

    /// Everybody who sees a place, and `also` in any case.
    pub(super) fn who_see(&self, at: Point, also: SeatId) -> Audience {
        let sees = |seated: &&Seated| {
            let eye = seated.eye();
            seated.fighter.state.seat == also || is_in_range(eye, at) && is_seen(&self.map, eye, at)
        };
        Audience::Seats(self.seated().filter(sees).map(|seated| seated.fighter.state.seat).collect())
    }
}

impl Seated {
    const fn eye(&self) -> Point {
        self.fighter.state.body.at
    }
}

/// Whether a place may count as within [`RANGE`], however that is rounded: a thing on the edge must not slip through unhidden.
fn is_in_range(eye: Point, at: Point) -> bool {
    eye.distance_squared(at) <= u64::from(RANGE + 1).pow(2)
}

/// Whether eye and target, or a point a little beside one of them or both, see each other.
fn is_seen(map: &Map, eye: Point, at: Point) -> bool {
    if map.is_free(eye, at) {
        return true;
    }
    let aside = aside(eye, at);
    // Two who run for one corner from both sides shift the line between them as it is.
    let is_free_from = |side| {
        let (from, to) = (beside(map, eye, side), beside(map, at, side));
        map.is_free(from, at) || map.is_free(eye, to) || map.is_free(from, to)
    };
    is_free_from(aside) || is_free_from(-aside)
}

/// Whether the eye, or a point a little beside it, sees something that lies still, as half of what walls hide does.
fn is_seen_lying(map: &Map, eye: Point, at: Point) -> bool {
    if map.is_free(eye, at) {
        return true;
    }
    let aside = aside(eye, at);
    [aside, -aside].into_iter().any(|side| map.is_free(beside(map, eye, side), at))
}

/// A margin's way to one side of a glance.
fn aside(eye: Point, at: Point) -> Point {
    let way = at - eye;
    Point::new(-way.y, way.x).scaled(MARGIN, (way.length() as i32).max(1))
}

/// Where somebody gets who steps aside: half as far when a wall is there.
fn beside(map: &Map, at: Point, side: Point) -> Point {
    let full = at + side;
    if map.is_wall(Tile::of(full)) { at + side.scaled(1, 2) } else { full }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_just_round_a_corner_is_known_already_and_who_stands_behind_a_wall_is_not() {
        let map = Map::from_seed(1);
        let (mut corners, mut hidden) = (0, 0);
        for at in map.floor() {
            for eye in map.floor().filter(|eye| is_in_range(*eye, at) && !map.is_free(*eye, at)) {
                if is_seen(&map, eye, at) {
                    corners += 1;
                } else {
                    hidden += 1;
                }
            }
        }
        assert!(corners > 0 && hidden > 3 * corners, "{corners} round corners, {hidden} behind walls");
    }

    #[test]
    fn sight_works_both_ways() {
        let map = Map::from_seed(2);
        let floor: Vec<Point> = map.floor().step_by(7).collect();
        for &a in &floor {
            for &b in &floor {
                assert_eq!(
                    is_seen(&map, a, b),
                    is_seen(&map, b, a),
                    "{:?} and {:?}",
                    Tile::of(a),
                    Tile::of(b)
                );
            }
        }
    }
}
