//! Who strikes whom in a tick.

use super::{
    Arena, Bolt, Event, Fighter, Input, Seated, Weapon,
    geometry::passing,
    step::Events,
    team::Allegiance,
    weapons::{self, Pose, longbow, sword},
};
use crate::{
    game::{Audience, Inputs, Point},
    id::{EntityId, SeatId},
};

/// How long a fallen fighter waits, in milliseconds.
const RESPAWN_MS: u32 = 2000;

/// A weapon that has just gone off.
struct Shot {
    by: Allegiance,
    weapon: Weapon,
    from: Point,
    aim: crate::game::Angle,
}

impl Arena {
    /// Works everybody's weapon; what goes off takes effect in seat order.
    pub(super) fn use_weapons(&mut self, inputs: Inputs<'_, Input>, poses: &[Pose], events: &mut Events) {
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
            self.go_off(&shot, poses, events);
        }
    }

    fn go_off(&mut self, shot: &Shot, poses: &[Pose], events: &mut Events) {
        let &Shot { by, weapon, from, aim } = shot;
        let audience = self.who_see(from, by.seat);
        events.push(audience, Event::Fired { seat: by.seat, weapon, aim });
        match weapon {
            Weapon::Crossbow => self.shoot_bolt(shot),
            Weapon::Longbow => {
                if let Some(victim) = longbow::strike(&self.map, poses, by, from, aim) {
                    self.strike(by.seat, victim.seat, weapon, events);
                }
            }
            Weapon::Sword => {
                let victims: Vec<_> = sword::strike(&self.map, poses, by, from, aim).collect();
                for victim in victims {
                    self.strike(by.seat, victim.seat, weapon, events);
                }
            }
        }
    }

    /// A room with 65,535 things in it has no place for another bolt: the string just snaps.
    fn shoot_bolt(&mut self, shot: &Shot) {
        let bolt =
            Bolt { owner: shot.by.seat, from: shot.from, aim: shot.aim, age_ticks: 0, rate: self.rate };
        if let Ok(id) = self.entities.insert(super::ArenaEntity::Bolt(bolt.clone())) {
            self.bolts.insert(id, bolt);
        }
    }

    /// Lets all bolts fly for a tick and strike what their way passes.
    pub(super) fn fly_bolts(&mut self, poses: &[Pose], events: &mut Events) {
        let flights: Vec<(EntityId, Bolt)> =
            self.bolts.iter().map(|(&id, bolt)| (id, bolt.clone())).collect();
        for (id, before) in flights {
            let after = before.extrapolate(1);
            let wall = self.map.march(before.at(), after.at());
            let victim = self.first_in_the_way(&before, wall.unwrap_or_else(|| after.at()), poses);
            if let Some(victim) = victim {
                self.strike(before.owner, victim.seat, Weapon::Crossbow, events);
            }
            if victim.is_some() || wall.is_some() || after.is_spent() {
                self.remove_bolt(id);
            } else {
                self.bolts.insert(id, after);
            }
        }
    }

    pub(super) fn remove_bolt(&mut self, id: EntityId) {
        self.bolts.remove(&id);
        self.entities.remove(id);
    }

    /// Whom a bolt meets first on its way to `end`. Both move during a tick, so the way is taken relative to each fighter:
    /// nobody is flown through, however long a tick is.
    fn first_in_the_way(&self, bolt: &Bolt, end: Point, poses: &[Pose]) -> Option<Allegiance> {
        let owner = self.seats.get(bolt.owner.index())?.as_ref()?.fighter.state.allegiance();
        let from = bolt.at();
        let met = |pose: &Pose| {
            let middle = Point::default();
            passing(from - pose.was, end - pose.at, middle, Fighter::RADIUS + Bolt::RADIUS)
        };
        let enemies = poses.iter().filter(|pose| pose.allegiance.is_enemy_of(owner));
        let first =
            enemies.filter_map(|pose| Some((met(pose)?, pose.allegiance))).min_by_key(|(along, _)| *along);
        first.map(|(_, victim)| victim)
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

    /// Lies down and waits.
    fn fall(&mut self, respawn_ticks: u16) {
        self.fighter.state.body.velocity = Point::default();
        self.fighter.state.is_drawing = false;
        self.kit.state.drawn_ticks = 0;
        self.kit.state.respawn_ticks = respawn_ticks;
        self.score.state.deaths = self.score.state.deaths.saturating_add(1);
    }
}
