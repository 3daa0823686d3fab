//! Who strikes whom in a tick.

use super::{
    Arena, ArenaEntity, Bolt, Event, Fighter, Input, Seated, Weapon,
    bolt::Flight,
    geometry::{WHOLE_WAY, part_of_way, passing},
    step::Events,
    team::Allegiance,
    weapons::{self, Pose, longbow, sword},
};
use crate::{
    game::{Angle, Audience, Inputs, Point, Rewind},
    id::{EntityId, SeatId},
    sub_tick::SubTick,
};

/// How long a fallen fighter waits, in milliseconds.
const RESPAWN_MS: u32 = 2000;

/// A weapon that has just gone off.
struct Shot {
    by: Allegiance,
    weapon: Weapon,
    from: Point,
    aim: Angle,
}

impl Arena {
    /// Works everybody's weapon; what goes off takes effect in seat order.
    pub(super) fn use_weapons(&mut self, inputs: Inputs<'_, Input>, rewind: Rewind<'_>, events: &mut Events) {
        let rate = self.rate;
        let standing = self.seated_mut().filter(|seated| seated.fighter.state.is_alive());
        let shots: Vec<Shot> = standing
            .filter_map(|seated| {
                let input = seated.input(inputs);
                weapons::work(&mut seated.fighter.state, &mut seated.kit.state, &input, rate)
                    .then(|| seated.shot())
            })
            .collect();
        for shot in shots {
            self.go_off(&shot, rewind.of(shot.by.seat), events);
        }
    }

    /// Bolts fly in the present. Arrow and sword strike whoever was in the way at `seen`, the moment on the shooter's screen, and
    /// still stands; who shoots, and the walls, are where they are now.
    fn go_off(&mut self, shot: &Shot, seen: SubTick, events: &mut Events) {
        let &Shot { by, weapon, from, aim } = shot;
        let audience = self.who_see(from, by.seat);
        let hearing = self.who_only_hear(from, &audience);
        if !hearing.is_empty() {
            events.push(Audience::Seats(hearing), Event::heard(weapon, from));
        }
        events.push(audience, Event::Fired { seat: by.seat, weapon, aim });
        match weapon {
            Weapon::Crossbow => self.shoot_bolt(by.seat),
            Weapon::Longbow => {
                if let Some(victim) = longbow::strike(&self.map, self.standing_at(seen), by, from, aim) {
                    self.strike(by.seat, victim.seat, weapon, events);
                }
            }
            Weapon::Sword => {
                let others = self.standing_at(seen);
                let victims: Vec<_> = sword::strike(&self.map, others, by, from, aim).collect();
                for victim in victims {
                    self.strike(by.seat, victim.seat, weapon, events);
                }
            }
        }
    }

    /// A seat that has no slots for its bolts has no place for this one: the string just snaps.
    fn shoot_bolt(&mut self, by: SeatId) {
        let (tick, rate) = (self.tick, self.rate);
        let Some(seated) = self.at_seat(by) else { return };
        let bolt = Bolt::shot_by(&seated.fighter.state);
        let Some(id) = Bolt::id(by, tick, rate) else { return };
        if self.entities.insert_at(id, ArenaEntity::Bolt(bolt.clone())).is_ok() {
            self.bolts.insert(id, bolt);
        }
    }

    /// Lets all bolts fly for a tick and strike what their way passes.
    pub(super) fn fly_bolts(&mut self, poses: &[Pose], events: &mut Events) {
        let flights: Vec<(EntityId, Bolt)> =
            self.bolts.iter().map(|(&id, bolt)| (id, bolt.clone())).collect();
        for (id, before) in flights {
            let flight = before.fly(&self.map);
            let victim = self.first_in_the_way(&before, &flight, poses);
            if let Some(victim) = victim {
                self.strike(before.owner, victim.seat, Weapon::Crossbow, events);
            }
            if victim.is_some() || flight.is_last() {
                self.remove_bolt(id);
            } else {
                self.bolts.insert(id, flight.after);
            }
        }
    }

    /// Takes a bolt out of the air.
    pub(super) fn remove_bolt(&mut self, id: EntityId) {
        self.bolts.remove(&id);
        self.entities.remove(id);
    }

    /// Whom a bolt meets first in this tick, before it meets a wall. Both move, so its way is taken relative to each fighter's:
    /// nobody is flown through, however long a tick is.
    fn first_in_the_way(&self, before: &Bolt, flight: &Flight, poses: &[Pose]) -> Option<Allegiance> {
        let owner = self.seats.get(before.owner.index())?.as_ref()?.fighter.state.allegiance();
        let (from, goal) = (before.at(), flight.after.at());
        let end = flight.wall.unwrap_or(goal);
        let time = WHOLE_WAY * i64::from(from.distance(end)) / i64::from(from.distance(goal).max(1));
        let met = |pose: &Pose| {
            let then = part_of_way(pose.was, pose.at, time.min(WHOLE_WAY));
            passing(from - pose.was, end - then, Point::default(), Fighter::RADIUS + Bolt::RADIUS)
        };
        let enemies = poses.iter().filter(|pose| pose.allegiance.is_enemy_of(owner));
        let met = enemies.filter_map(|pose| Some((met(pose)?, pose.allegiance)));
        met.min_by_key(|(along, _)| *along).map(|(_, victim)| victim)
    }

    /// Lands a blow. Whoever fell earlier in this tick takes no more.
    fn strike(&mut self, by: SeatId, victim: SeatId, weapon: Weapon, events: &mut Events) {
        let respawn_ticks = self.rate.ticks(RESPAWN_MS) as u16;
        let Some(struck) = self.at_seat(victim).filter(|seated| seated.fighter.state.is_alive()) else {
            return;
        };
        let damage = weapon.damage();
        let falls = struck.fighter.state.take(damage);
        events.push(Audience::Seats(vec![by, victim]), Event::Hit { by, victim, weapon, damage });
        if falls {
            struck.fall(respawn_ticks);
            self.count_elimination(by);
            events.push(Audience::All, Event::Eliminated { by, victim, weapon });
        }
        self.blows.land(self.tick, by, victim);
    }
}

impl Seated {
    fn shot(&self) -> Shot {
        let fighter = &self.fighter.state;
        Shot {
            by: fighter.allegiance(),
            weapon: fighter.weapon,
            from: fighter.body.at,
            aim: fighter.body.aim,
        }
    }

    /// Lets go of whatever the hands were at.
    pub(super) const fn lower_weapon(&mut self) {
        weapons::lower(&mut self.fighter.state, &mut self.kit.state);
    }

    /// Lies down and waits.
    fn fall(&mut self, respawn_ticks: u16) {
        self.fighter.state.body.velocity = Point::default();
        self.lower_weapon();
        self.kit.state.respawn_ticks = respawn_ticks;
        self.score.state.deaths = self.score.state.deaths.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arena::{Map, Match, Phase, Settings},
        game::{Game, Occupant, Outbox, Rewind, Setup, Step},
        tick::{Tick, TickRate},
    };

    /// Two fighters on a free stretch of floor, the first aiming at the second, `apart` (1/256 unit) to the east.
    fn duel(hz: u16, apart: i32) -> Arena {
        let tick_rate = TickRate::new(hz).unwrap();
        let mut arena = Arena::new(&Setup { settings: Settings::default(), seed: 1, seats: 2, tick_rate });
        (0..2).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Player));
        let is_clear = |at: &Point| arena.map.is_free(*at, *at + Point::new(apart + 2 * Map::TILE, 0));
        let west = arena.map.floor().find(is_clear).unwrap();
        for (seated, x) in arena.seated_mut().zip([0, apart]) {
            seated.fighter.state.body.at = west + Point::new(x, 0);
            seated.fighter.state.body.aim = Angle(0);
        }
        arena
    }

    fn step(arena: &mut Arena, inputs: [Input; 2]) -> Vec<Event> {
        let mut events = Outbox::new();
        let inputs = inputs.map(Some);
        let tick = arena.tick.next();
        let rewind = Rewind::new(tick, arena.rate, &[]);
        arena.step(Step { tick, inputs: Inputs::new(&inputs), rewind, events: &mut events });
        events.drain().map(|(_, event)| event).collect()
    }

    fn firing(weapon: Weapon) -> Input {
        Input { weapon, fire: true, ..Input::default() }
    }

    fn health(arena: &Arena) -> u8 {
        arena.seats[1].as_ref().unwrap().fighter.state.health
    }

    #[test]
    fn a_bolt_strikes_whoever_stands_in_its_way_at_any_rate() {
        for hz in [1, 5, 30, 128] {
            let mut arena = duel(hz, 8 * 256);
            step(&mut arena, [firing(Weapon::Crossbow), Input::default()]);
            (0..hz).for_each(|_| drop(step(&mut arena, [Input::default(); 2])));
            assert_eq!(health(&arena), 50, "at {hz} Hz");
        }
    }

    #[test]
    fn a_bolt_can_be_dodged() {
        let mut arena = duel(30, 8 * 256);
        let aside = Input { move_y: 127, dash: true, ..Input::default() };
        step(&mut arena, [firing(Weapon::Crossbow), aside]);
        (0..30).for_each(|_| drop(step(&mut arena, [Input::default(), aside])));
        assert_eq!(health(&arena), 100);
    }

    #[test]
    fn a_longbow_strikes_when_it_is_let_go_after_half_a_second() {
        for (held, left) in [(14, 100), (15, 30)] {
            let mut arena = duel(30, 8 * 256);
            (0..held).for_each(|_| drop(step(&mut arena, [firing(Weapon::Longbow), Input::default()])));
            step(&mut arena, [Input { weapon: Weapon::Longbow, ..Input::default() }, Input::default()]);
            assert_eq!(health(&arena), left, "held for {held} ticks");
        }
    }

    #[test]
    fn a_sword_strikes_who_is_near_and_nobody_behind() {
        let behind = Input { aim: Angle::HALF, ..firing(Weapon::Sword) };
        for (swing, apart, left) in
            [(firing(Weapon::Sword), 400, 40), (behind, 400, 100), (firing(Weapon::Sword), 900, 100)]
        {
            let mut arena = duel(30, apart);
            step(&mut arena, [swing, Input::default()]);
            assert_eq!(health(&arena), left, "{apart} apart, aiming at {:?}", swing.aim);
        }
    }

    #[test]
    fn the_fallen_appear_again_after_two_seconds() {
        let mut arena = duel(30, 400);
        let fight = [firing(Weapon::Sword), Input::default()];
        let fell = (0..60)
            .find(|_| step(&mut arena, fight).iter().any(|event| matches!(event, Event::Eliminated { .. })));
        assert!(fell.is_some_and(|ticks| ticks <= 15), "two swings are enough: {fell:?}");
        let waited = (1..).find(|_| {
            step(&mut arena, [Input::default(); 2])
                .iter()
                .any(|event| matches!(event, Event::Respawned { .. }))
        });
        assert_eq!(waited, Some(60));
        let apart = arena.seated().map(|seated| seated.fighter.state.body.at).reduce(|a, b| a - b).unwrap();
        assert!(apart.length() >= 10 * 256, "away from enemies: {apart:?}");
    }

    #[test]
    fn an_empty_quiver_shoots_nothing() {
        let mut arena = duel(30, 8 * 256);
        arena.at_seat(SeatId(0)).unwrap().kit.state.quiver = 0;
        step(&mut arena, [firing(Weapon::Crossbow), Input::default()]);
        assert!(arena.bolts.is_empty());
    }

    #[test]
    fn armour_takes_half_of_a_blow() {
        let mut arena = duel(30, 400);
        arena.at_seat(SeatId(1)).unwrap().fighter.state.armour = 60;
        step(&mut arena, [firing(Weapon::Sword), Input::default()]);
        let struck = &arena.seats[1].as_ref().unwrap().fighter.state;
        assert_eq!((struck.health, struck.armour), (70, 30));
    }

    #[test]
    fn nobody_is_hurt_while_the_result_is_shown() {
        let mut arena = duel(30, 400);
        arena.bout.state = Match { phase: Phase::Result, ends: Tick(1000), ..arena.bout.state.clone() };
        (0..30).for_each(|_| drop(step(&mut arena, [firing(Weapon::Sword), Input::default()])));
        assert_eq!(health(&arena), 100);
    }
}
