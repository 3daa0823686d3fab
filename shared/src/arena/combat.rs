//! Combat: fires weapons, moves bolts, applies hits.

use super::{
    Arena, ArenaEntity, Bolt, Event, Fighter, Input, Weapon,
    bolt::Flight,
    event::Events,
    geometry::{PATH_SCALE, closest_approach, point_along},
    state::Player,
    team::Allegiance,
    weapons::{self, Target, TickMotion, longbow, sword},
};
use crate::{
    game::{Angle, Audience, Inputs, Point, Rewind},
    id::{EntityId, SeatId},
    sub_tick::SubTick,
};

/// Time until an eliminated fighter respawns, in milliseconds.
const RESPAWN_MS: u32 = 2000;

/// A weapon that fires in this tick.
struct Shot {
    by: Allegiance,
    weapon: Weapon,
    from: Point,
    aim: Angle,
}

impl Arena {
    /// Steps the weapons of all living fighters; shots take effect in seat order.
    pub(super) fn use_weapons(&mut self, inputs: Inputs<'_, Input>, rewind: Rewind<'_>, events: &mut Events) {
        let rate = self.rate;
        let alive = self.players_mut().filter(|player| player.fighter.state.is_alive());
        let shots: Vec<Shot> = alive
            .filter_map(|player| {
                let input = player.input(inputs);
                weapons::step(&mut player.fighter.state, &mut player.kit.state, &input, rate)
                    .then(|| player.shot())
            })
            .collect();
        for shot in shots {
            self.fire(&shot, rewind.of(shot.by.seat), events);
        }
    }

    /// Fires a shot, and sends its events. A bolt starts in the current tick. Arrow and sword hit a fighter that is still
    /// alive and was in the way at `seen`, the time that the shooter's client displayed; shooter and walls are not rewound.
    fn fire(&mut self, shot: &Shot, seen: SubTick, events: &mut Events) {
        let &Shot { by, weapon, from, aim } = shot;
        let audience = self.seats_seeing(from, by.seat);
        let listeners = self.seats_in_earshot(from, &audience);
        if !listeners.is_empty() {
            events.push(Audience::Seats(listeners), Event::sound(weapon, from));
        }
        events.push(audience, Event::Fired { seat: by.seat, weapon, aim });
        match weapon {
            Weapon::Crossbow => self.spawn_bolt(by.seat),
            Weapon::Longbow => {
                if let Some(victim) = longbow::first_target(&self.map, self.targets_at(seen), by, from, aim) {
                    self.apply_hit(by.seat, victim.seat, weapon, events);
                }
            }
            Weapon::Sword => {
                let others = self.targets_at(seen);
                let victims: Vec<_> = sword::targets(&self.map, others, by, from, aim).collect();
                for victim in victims {
                    self.apply_hit(by.seat, victim.seat, weapon, events);
                }
            }
        }
    }

    /// The fighters that are alive now and were alive at `moment`, each at its position of that time.
    fn targets_at(&self, moment: SubTick) -> impl Iterator<Item = Target> {
        let rewound = self.history.at(moment);
        let alive = self.players().map(|player| &player.fighter.state).filter(|fighter| fighter.is_alive());
        alive.filter_map(move |fighter| {
            let at = rewound?.of(fighter.seat)?;
            Some(Target { allegiance: fighter.allegiance(), at })
        })
    }

    /// Spawns a bolt. When the seat has no bolt slot, there is no bolt, though the shot has used ammunition and sent events.
    fn spawn_bolt(&mut self, by: SeatId) {
        let (tick, rate) = (self.tick, self.rate);
        let Some(player) = self.player_mut(by) else { return };
        let bolt = Bolt::fired_by(&player.fighter.state);
        let Some(id) = Bolt::id(by, tick, rate) else { return };
        if self.entities.insert_at(id, ArenaEntity::Bolt(bolt.clone())).is_ok() {
            self.bolts.insert(id, bolt);
        }
    }

    /// Moves all bolts by one tick, applies their hits, and removes those that hit, meet a wall, or are spent.
    pub(super) fn step_bolts(&mut self, motions: &[TickMotion], events: &mut Events) {
        let flights: Vec<(EntityId, Bolt)> =
            self.bolts.iter().map(|(&id, bolt)| (id, bolt.clone())).collect();
        for (id, before) in flights {
            let flight = before.step(&self.map);
            let victim = self.first_target(&before, &flight, motions);
            if let Some(victim) = victim {
                self.apply_hit(before.owner, victim.seat, Weapon::Crossbow, events);
            }
            if victim.is_some() || flight.is_last() {
                self.remove_bolt(id);
            } else {
                self.bolts.insert(id, flight.after);
            }
        }
    }

    /// Removes a bolt.
    pub(super) fn remove_bolt(&mut self, id: EntityId) {
        self.bolts.remove(&id);
        self.entities.remove(id);
    }

    /// The fighter that a bolt hits first in this tick, before the bolt reaches a wall. Both move, so the bolt's path is taken
    /// relative to each fighter's: a bolt never passes through a fighter, however long a tick is. A fighter that another bolt
    /// eliminates in this tick still stops a bolt.
    fn first_target(&self, before: &Bolt, flight: &Flight, motions: &[TickMotion]) -> Option<Allegiance> {
        let owner = self.seats.get(before.owner.index())?.as_ref()?.fighter.state.allegiance();
        let (from, goal) = (before.at(), flight.after.at());
        let end = flight.wall.unwrap_or(goal);
        let time = PATH_SCALE * i64::from(from.distance(end)) / i64::from(from.distance(goal).max(1));
        let approach = |motion: &TickMotion| {
            let then = point_along(motion.from, motion.to, time.min(PATH_SCALE));
            closest_approach(from - motion.from, end - then, Point::default(), Fighter::RADIUS + Bolt::RADIUS)
        };
        let enemies = motions.iter().filter(|motion| motion.allegiance.is_enemy_of(owner));
        let hits = enemies.filter_map(|motion| Some((approach(motion)?, motion.allegiance)));
        hits.min_by_key(|(along, _)| *along).map(|(_, victim)| victim)
    }

    /// Applies one hit: damage, elimination with its score, events, and the record of opponents. No effect on a fighter that
    /// was eliminated earlier in this tick.
    fn apply_hit(&mut self, by: SeatId, victim: SeatId, weapon: Weapon, events: &mut Events) {
        let respawn_ticks = self.rate.ticks(RESPAWN_MS) as u16;
        let Some(target) = self.player_mut(victim).filter(|player| player.fighter.state.is_alive()) else {
            return;
        };
        let damage = weapon.damage();
        let is_eliminated = target.fighter.state.apply_damage(damage);
        events.push(Audience::Seats(vec![by, victim]), Event::Hit { by, victim, weapon, damage });
        if is_eliminated {
            target.eliminate(respawn_ticks);
            self.count_elimination(by);
            events.push(Audience::All, Event::Eliminated { by, victim, weapon });
        }
        self.recent_hits.record(self.tick, by, victim);
    }
}

impl Player {
    fn shot(&self) -> Shot {
        let fighter = &self.fighter.state;
        Shot {
            by: fighter.allegiance(),
            weapon: fighter.weapon,
            from: fighter.body.at,
            aim: fighter.body.aim,
        }
    }

    /// Lowers the weapon without firing it, and ends its cooldown.
    pub(super) const fn lower_weapon(&mut self) {
        weapons::lower(&mut self.fighter.state, &mut self.kit.state);
    }

    /// Eliminates the fighter: stops it, starts its respawn timer, and counts the death.
    fn eliminate(&mut self, respawn_ticks: u16) {
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

    /// Two fighters on clear floor, the first aiming at the second, `apart` (1/256 unit) to the east.
    fn duel(hz: u16, apart: i32) -> Arena {
        let tick_rate = TickRate::new(hz).unwrap();
        let mut arena = Arena::new(&Setup { settings: Settings::default(), seed: 1, seats: 2, tick_rate });
        (0..2).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Player));
        let is_clear = |at: &Point| arena.map.is_free(*at, *at + Point::new(apart + 2 * Map::TILE, 0));
        let west = arena.map.floor().find(is_clear).unwrap();
        for (player, x) in arena.players_mut().zip([0, apart]) {
            player.fighter.state.body.at = west + Point::new(x, 0);
            player.fighter.state.body.aim = Angle(0);
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
    fn a_bolt_hits_a_fighter_in_its_way_at_any_rate() {
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
    fn a_longbow_hits_when_released_after_half_a_second() {
        for (held, left) in [(14, 100), (15, 30)] {
            let mut arena = duel(30, 8 * 256);
            (0..held).for_each(|_| drop(step(&mut arena, [firing(Weapon::Longbow), Input::default()])));
            step(&mut arena, [Input { weapon: Weapon::Longbow, ..Input::default() }, Input::default()]);
            assert_eq!(health(&arena), left, "held for {held} ticks");
        }
    }

    #[test]
    fn a_sword_hits_only_near_and_in_front() {
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
    fn an_eliminated_fighter_respawns_after_two_seconds() {
        let mut arena = duel(30, 400);
        let fight = [firing(Weapon::Sword), Input::default()];
        let eliminated_after = (0..60)
            .find(|_| step(&mut arena, fight).iter().any(|event| matches!(event, Event::Eliminated { .. })));
        assert!(
            eliminated_after.is_some_and(|ticks| ticks <= 15),
            "two swings eliminate a fighter: {eliminated_after:?}"
        );
        let waited = (1..).find(|_| {
            step(&mut arena, [Input::default(); 2])
                .iter()
                .any(|event| matches!(event, Event::Respawned { .. }))
        });
        assert_eq!(waited, Some(60));
        let apart = arena.players().map(|player| player.fighter.state.body.at).reduce(|a, b| a - b).unwrap();
        assert!(apart.length() >= 10 * 256, "a respawn is away from enemies: {apart:?}");
    }

    #[test]
    fn an_empty_quiver_shoots_nothing() {
        let mut arena = duel(30, 8 * 256);
        arena.player_mut(SeatId(0)).unwrap().kit.state.quiver = 0;
        step(&mut arena, [firing(Weapon::Crossbow), Input::default()]);
        assert!(arena.bolts.is_empty());
    }

    #[test]
    fn armour_absorbs_half_of_a_hit() {
        let mut arena = duel(30, 400);
        arena.player_mut(SeatId(1)).unwrap().fighter.state.armour = 60;
        step(&mut arena, [firing(Weapon::Sword), Input::default()]);
        let hit = &arena.seats[1].as_ref().unwrap().fighter.state;
        assert_eq!((hit.health, hit.armour), (70, 30));
    }

    #[test]
    fn weapons_do_no_damage_while_the_result_is_shown() {
        let mut arena = duel(30, 400);
        arena.current_match.state =
            Match { phase: Phase::Result, ends: Tick(1000), ..arena.current_match.state.clone() };
        (0..30).for_each(|_| drop(step(&mut arena, [firing(Weapon::Sword), Input::default()])));
        assert_eq!(health(&arena), 100);
    }
}
