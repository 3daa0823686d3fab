//! The longbow: drawn for half a second, then hits instantly along a line.

use crate::{
    arena::{
        fighter::Fighter, geometry::closest_approach, input::Input, kit::Kit, map::Map, team::Allegiance,
        weapons::target::Target,
    },
    game::{Angle, Point, UNIT},
    tick::TickRate,
};

/// Time to draw the bow fully, in milliseconds.
pub(crate) const DRAW_MS: u32 = 500;
/// Range of an arrow, in 1/256 unit.
pub(crate) const RANGE: i32 = 32 * UNIT;

/// Steps the longbow. Returns true if an arrow is shot: the trigger of a fully drawn bow is released, which takes one arrow
/// from the quiver. A bow released too early, or drawn with an empty quiver, is only lowered.
pub(super) fn update(kit: &mut Kit, input: &Input, rate: TickRate) -> bool {
    if input.fire && kit.busy_ticks == 0 && kit.quiver > 0 {
        kit.drawn_ticks = kit.drawn_ticks.saturating_add(1);
        return false;
    }
    let is_released = !input.fire && u32::from(kit.drawn_ticks) >= rate.ticks(DRAW_MS);
    kit.drawn_ticks = 0;
    if is_released {
        kit.quiver = kit.quiver.saturating_sub(1);
    }
    is_released
}

/// The enemy that an arrow hits first, within [`RANGE`] and before a wall.
pub(crate) fn first_target(
    map: &Map,
    others: impl Iterator<Item = Target>,
    archer: Allegiance,
    from: Point,
    aim: Angle,
) -> Option<Allegiance> {
    let far = from + aim.times(RANGE);
    let end = map.raycast(from, far).unwrap_or(far);
    let hit =
        |other: Target| Some((closest_approach(from, end, other.at, Fighter::RADIUS)?, other.allegiance));
    let enemies = others.filter(|other| other.allegiance.is_enemy_of(archer));
    enemies.filter_map(hit).min_by_key(|(along, _)| *along).map(|(_, victim)| victim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arena::Team, id::SeatId};

    const ARCHER: Allegiance = Allegiance { seat: SeatId(0), team: Some(Team::Red) };

    fn target(seat: u16, team: Team, at: Point) -> Target {
        Target { allegiance: Allegiance { seat: SeatId(seat), team: Some(team) }, at }
    }

    /// A position with `free` (1/256 unit) of floor to the east and a wall soon after.
    fn lane(map: &Map, free: i32) -> Point {
        let is_lane = |at: &Point| {
            map.is_free(*at, *at + Point::new(free, 0))
                && !map.is_free(*at, *at + Point::new(free + 4 * UNIT, 0))
        };
        map.floor().find(is_lane).unwrap()
    }

    #[test]
    fn an_arrow_hits_the_nearest_enemy_and_passes_team_mates() {
        let map = Map::from_seed(1);
        let from = lane(&map, 8 * UNIT);
        let east = |units: i32| from + Point::new(units * UNIT, 0);
        let others = [(1, Team::Blue, 7), (2, Team::Blue, 5), (3, Team::Red, 3)]
            .map(|(seat, team, away)| target(seat, team, east(away)));
        let hit = first_target(&map, others.into_iter(), ARCHER, from, Angle(0));
        assert_eq!(hit.map(|one| one.seat), Some(SeatId(2)));
    }

    #[test]
    fn a_wall_stops_an_arrow() {
        let map = Map::from_seed(1);
        let from = lane(&map, 8 * UNIT);
        let behind = map.raycast(from, from + Point::new(RANGE, 0)).unwrap() + Point::new(2 * UNIT, 0);
        assert_eq!(
            first_target(&map, [target(1, Team::Blue, behind)].into_iter(), ARCHER, from, Angle(0)),
            None
        );
    }

    #[test]
    fn an_arrow_aimed_beside_a_fighter_misses() {
        let map = Map::from_seed(1);
        let from = lane(&map, 8 * UNIT);
        let others = [target(1, Team::Blue, from + Point::new(6 * UNIT, UNIT / 2))];
        assert_eq!(first_target(&map, others.into_iter(), ARCHER, from, Angle(0)), None);
    }
}
