//! Spawning: fighters appear out of reach of enemies where the map allows it.

use super::{Allegiance, Arena, Body, Event, Fighter, Kit, Map, Team, Weapon, event::Events};
use crate::{
    game::{Angle, Point, UNIT},
    id::SeatId,
};

/// Minimum distance of a safe spawn from enemies, ten units, squared, in (1/256 unit)².
const SAFE_SQUARED: u64 = (10 * UNIT as u64).pow(2);

impl Arena {
    /// Respawns the fighters whose respawn time is over.
    pub(super) fn respawn_when_due(&mut self, events: &mut Events) {
        for index in 0..self.seats.len() {
            let Some(player) = &mut self.seats[index] else { continue };
            player.kit.state.count_down_respawn();
            if player.kit.state.respawn_ticks == 0 && !player.fighter.state.is_alive() {
                self.respawn(SeatId(index as u16), events);
            }
        }
    }

    /// Spawns all fighters on the new map, in seat order: the first ones have the most choice.
    pub(super) fn respawn_all(&mut self, events: &mut Events) {
        for player in self.players_mut() {
            player.fighter.state.health = 0;
        }
        for index in 0..self.seats.len() {
            self.respawn(SeatId(index as u16), events);
        }
    }

    /// A body at a safe spawn position for this allegiance.
    pub(super) fn body_at_spawn(&mut self, allegiance: Allegiance) -> Body {
        let at = self.safe_place(allegiance);
        let aim = Angle::of(Map::MIDDLE - at);
        Body::at_rest(at, aim, self.tick, self.rate)
    }

    fn respawn(&mut self, seat: SeatId, events: &mut Events) {
        let Some(allegiance) = self.player_mut(seat).map(|player| player.fighter.state.allegiance()) else {
            return;
        };
        let body = self.body_at_spawn(allegiance);
        let at = body.at;
        if let Some(player) = self.player_mut(seat) {
            // Every fighter's phase follows the tick; this fighter has yet to move in it.
            let phase = player.fighter.state.body.phase;
            let life = player.fighter.state.life.wrapping_add(1);
            player.fighter.state = Fighter { life, ..fighter(seat, allegiance.team, Body { phase, ..body }) };
            player.kit.state = Kit::new(seat);
        }
        let audience = self.seats_seeing(at, seat);
        events.push(audience, Event::Respawned { seat, at });
    }

    /// A spawn point without an enemy near, in the team's own half if there is one; otherwise the floor tile farthest from
    /// all enemies, so that a crowded room never stacks its fighters.
    fn safe_place(&mut self, allegiance: Allegiance) -> Point {
        let enemies = self.living_enemies(allegiance);
        let is_safe = |at: &Point| gap_squared(&enemies, *at, SAFE_SQUARED).is_some();
        let safe: Vec<Point> = self.map.spawns().filter(is_safe).collect();
        let home: Vec<Point> = safe.iter().copied().filter(|at| is_home(allegiance.team, *at)).collect();
        let choice = if home.is_empty() { safe } else { home };
        // Draws in any case: whether there is a choice depends on hidden positions, and other players' later spawn positions
        // must not reveal it.
        let picked = self.rng.pick(&choice).copied();
        picked.unwrap_or_else(|| farthest(self.map.floor(), &enemies))
    }

    /// The positions of the living enemies of this allegiance, in seat order.
    fn living_enemies(&self, allegiance: Allegiance) -> Vec<Point> {
        let alive = self.players().map(|player| &player.fighter.state).filter(|other| other.is_alive());
        alive.filter(|other| other.allegiance().is_enemy_of(allegiance)).map(|enemy| enemy.body.at).collect()
    }
}

/// The position farthest from its nearest enemy, the last of several; the map's middle if there is no position.
fn farthest(positions: impl Iterator<Item = Point>, enemies: &[Point]) -> Point {
    let first = (Map::MIDDLE, 0);
    let farther = |best: (Point, u64), at| gap_squared(enemies, at, best.1).map_or(best, |gap| (at, gap));
    positions.fold(first, farther).0
}

/// The squared distance from a position to its nearest enemy, in (1/256 unit)²; `None` if it is below `min`. Without enemies it is
/// `u64::MAX`. The search ends at the first enemy below `min`, because most positions of a crowded room have one.
fn gap_squared(enemies: &[Point], at: Point, min: u64) -> Option<u64> {
    enemies.iter().try_fold(u64::MAX, |gap, enemy| {
        let distance = enemy.distance_squared(at);
        (distance >= min).then_some(gap.min(distance))
    })
}

/// Whether a position is in the team's own half: west for red, east for blue, anywhere without teams.
fn is_home(team: Option<Team>, at: Point) -> bool {
    team.is_none_or(|team| (team == Team::Red) == (at.x < Map::MIDDLE.x))
}

/// A fighter as it spawns: full health, no armour.
pub(super) const fn fighter(seat: SeatId, team: Option<Team>, body: Body) -> Fighter {
    Fighter {
        seat,
        team,
        body,
        weapon: Weapon::Crossbow,
        is_drawing: false,
        health: Fighter::MAX_HEALTH,
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
    fn a_spawn_draws_once_whether_or_not_there_is_a_choice() {
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
            for (player, at) in room.players_mut().zip(crowd.iter().cycle()) {
                player.fighter.state.body.at = *at;
            }
            let before = room.rng.clone();
            let body = room.body_at_spawn(Allegiance { seat: SeatId(100), team: None });
            assert_eq!(spawns.contains(&body.at), crowd.len() == 1, "only one of the rooms has a choice");
            assert_ne!(room.rng, before);
        }
        assert_eq!(rooms[0].rng, rooms[1].rng);
    }
}
