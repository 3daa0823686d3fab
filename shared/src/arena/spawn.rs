//! Where and how fighters appear: away from whoever would strike them down at once.

use super::{Allegiance, Arena, Body, Event, Fighter, Kit, Map, Team, Weapon, step::Events};
use crate::{
    game::{Angle, Point, UNIT},
    id::SeatId,
};

/// An enemy nearer than ten units makes a place unsafe, in (1/256 unit)².
const SAFE_SQUARED: u64 = (10 * UNIT as u64).pow(2);

impl Arena {
    /// Lets those appear whose wait is over.
    pub(super) fn respawn_when_due(&mut self, events: &mut Events) {
        for index in 0..self.seats.len() {
            let Some(seated) = &mut self.seats[index] else { continue };
            seated.kit.state.wait();
            if seated.kit.state.respawn_ticks == 0 && !seated.fighter.state.is_alive() {
                self.appear(SeatId(index as u16), events);
            }
        }
    }

    /// Puts everybody on the new map, one after the other: the first ones have the most choice.
    pub(super) fn place_everybody(&mut self, events: &mut Events) {
        for seated in self.seated_mut() {
            seated.fighter.state.health = 0;
        }
        for index in 0..self.seats.len() {
            self.appear(SeatId(index as u16), events);
        }
    }

    /// A body at a safe place, for somebody of this allegiance.
    pub(super) fn body_at_spawn(&mut self, who: Allegiance) -> Body {
        let at = self.safe_place(who);
        let aim = Angle::of(Map::MIDDLE - at);
        Body::standing(at, aim, self.tick, self.rate)
    }

    fn appear(&mut self, seat: SeatId, events: &mut Events) {
        let Some(who) = self.at_seat(seat).map(|seated| seated.fighter.state.allegiance()) else { return };
        let body = self.body_at_spawn(who);
        let at = body.at;
        if let Some(seated) = self.at_seat(seat) {
            // Everybody's phase goes with the tick; this fighter has yet to move in it.
            let phase = seated.fighter.state.body.phase;
            let life = seated.fighter.state.life.wrapping_add(1);
            seated.fighter.state = Fighter { life, ..fighter(seat, who.team, Body { phase, ..body }) };
            seated.kit.state = Kit::fresh(seat);
        }
        let audience = self.who_see(at, seat);
        events.push(audience, Event::Respawned { seat, at });
    }

    /// A spawn point with no enemy near, at home if there is one; else the floor farthest from all enemies, so that a
    /// crowded room never stacks its fighters.
    fn safe_place(&mut self, who: Allegiance) -> Point {
        let safe: Vec<Point> =
            self.map.spawns().filter(|&at| self.gap_squared(who, at) >= SAFE_SQUARED).collect();
        let home: Vec<Point> = safe.iter().copied().filter(|at| is_home(who.team, *at)).collect();
        let choice = if home.is_empty() { safe } else { home };
        // Drawn from in any case, for whether there was a choice depends on where people hide: everybody else's next place must
        // not tell it.
        let picked = self.rng.pick(&choice).copied();
        let farthest = || self.map.floor().max_by_key(|&at| self.gap_squared(who, at));
        picked.or_else(farthest).unwrap_or(Map::MIDDLE)
    }

    /// The square of the distance to the nearest standing enemy, in (1/256 unit)².
    fn gap_squared(&self, who: Allegiance, at: Point) -> u64 {
        let standing = self.seated().map(|seated| &seated.fighter.state).filter(|other| other.is_alive());
        let enemies = standing.filter(|other| other.allegiance().is_enemy_of(who));
        enemies.map(|enemy| enemy.body.at.distance_squared(at)).min().unwrap_or(u64::MAX)
    }
}

/// Red is at home in the west, blue in the east; without teams everywhere is.
fn is_home(team: Option<Team>, at: Point) -> bool {
    team.is_none_or(|team| (team == Team::Red) == (at.x < Map::MIDDLE.x))
}

/// A fighter as it appears: whole, without armour.
pub(super) const fn fighter(seat: SeatId, team: Option<Team>, body: Body) -> Fighter {
    Fighter {
        seat,
        team,
        body,
        weapon: Weapon::Crossbow,
        is_drawing: false,
        health: Fighter::MOST_HEALTH,
        armour: 0,
        life: 0,
    }
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
    fn who_appears_draws_once_whether_or_not_there_is_a_choice() {
        let crowded = Arena::new(&Setup {
            settings: Settings::default(),
            seed: 4,
            seats: 100,
            tick_rate: TickRate::default(),
        });
        let mut rooms = [crowded.clone(), crowded];
        let spawns: Vec<Point> = rooms[0].map.spawns().collect();
        for (room, crowd) in rooms.iter_mut().zip([&spawns[..], &spawns[..1]]) {
            (0..100).for_each(|seat| room.seat_taken(SeatId(seat), Occupant::Player));
            for (seated, at) in room.seated_mut().zip(crowd.iter().cycle()) {
                seated.fighter.state.body.at = *at;
            }
            let before = room.rng.clone();
            let body = room.body_at_spawn(Allegiance { seat: SeatId(100), team: None });
            assert_eq!(spawns.contains(&body.at), crowd.len() == 1, "only one of the rooms has a choice");
            assert_ne!(room.rng, before);
        }
        assert_eq!(rooms[0].rng, rooms[1].rng);
    }
}
