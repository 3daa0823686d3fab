//! The longbow: drawn for half a second, then it strikes along a line at once.

use crate::{
    arena::{
        fighter::Fighter, geometry::passing, input::Input, kit::Kit, map::Map, team::Allegiance,
        weapons::Standing,
    },
    game::{Angle, Point, UNIT},
    tick::TickRate,
};

/// How long it takes to draw, in milliseconds.
pub(crate) const DRAW_MS: u32 = 500;
/// How far an arrow carries, in 1/256 unit.
pub(crate) const RANGE: i32 = 32 * UNIT;

/// Whether an arrow is loosed: the trigger is let go of a bow that was fully drawn. Let go too early, it is just lowered.
pub(super) fn is_loosed(kit: &mut Kit, input: &Input, rate: TickRate) -> bool {
    if input.fire && kit.busy_ticks == 0 && kit.quiver > 0 {
        kit.drawn_ticks = kit.drawn_ticks.saturating_add(1);
        return false;
    }
    let is_loosed = !input.fire && u32::from(kit.drawn_ticks) >= rate.ticks(DRAW_MS);
    kit.drawn_ticks = 0;
    if is_loosed {
        kit.quiver = kit.quiver.saturating_sub(1);
    }
    is_loosed
}

/// Which enemy an arrow strikes first; walls stop it.
pub(crate) fn strike(
    map: &Map,
    others: impl Iterator<Item = Standing>,
    archer: Allegiance,
    from: Point,
    aim: Angle,
) -> Option<Allegiance> {
    let far = from + aim.times(RANGE);
    let end = map.march(from, far).unwrap_or(far);
    let struck = |other: Standing| Some((passing(from, end, other.at, Fighter::RADIUS)?, other.who));
    let enemies = others.filter(|other| other.who.is_enemy_of(archer));
    enemies.filter_map(struck).min_by_key(|(along, _)| *along).map(|(_, victim)| victim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arena::Team, id::SeatId};

    const ARCHER: Allegiance = Allegiance { seat: SeatId(0), team: Some(Team::Red) };

    fn standing(seat: u16, team: Team, at: Point) -> Standing {
        Standing { who: Allegiance { seat: SeatId(seat), team: Some(team) }, at }
    }

    /// Somewhere with `free` (1/256 unit) of floor to the east and a wall soon after.
    fn lane(map: &Map, free: i32) -> Point {
        let is_lane = |at: &Point| {
            map.is_free(*at, *at + Point::new(free, 0))
                && !map.is_free(*at, *at + Point::new(free + 4 * UNIT, 0))
        };
        map.floor().find(is_lane).unwrap()
    }

    #[test]
    fn an_arrow_strikes_the_nearest_enemy_and_passes_friends() {
        let map = Map::from_seed(1);
        let from = lane(&map, 8 * UNIT);
        let east = |units: i32| from + Point::new(units * UNIT, 0);
        let others = [(1, Team::Blue, 7), (2, Team::Blue, 5), (3, Team::Red, 3)]
            .map(|(seat, team, away)| standing(seat, team, east(away)));
        let struck = strike(&map, others.into_iter(), ARCHER, from, Angle(0));
        assert_eq!(struck.map(|one| one.seat), Some(SeatId(2)));
    }

    #[test]
    fn a_wall_stops_an_arrow() {
        let map = Map::from_seed(1);
        let from = lane(&map, 8 * UNIT);
        let behind = map.march(from, from + Point::new(RANGE, 0)).unwrap() + Point::new(2 * UNIT, 0);
        assert_eq!(strike(&map, [standing(1, Team::Blue, behind)].into_iter(), ARCHER, from, Angle(0)), None);
    }

    #[test]
    fn an_arrow_aimed_beside_strikes_nobody() {
        let map = Map::from_seed(1);
        let from = lane(&map, 8 * UNIT);
        let others = [standing(1, Team::Blue, from + Point::new(6 * UNIT, UNIT / 2))];
        assert_eq!(strike(&map, others.into_iter(), ARCHER, from, Angle(0)), None);
    }
}
