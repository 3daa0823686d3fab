//! A bot's hands: which weapon, where to aim, when to pull.

use super::{percept::Percept, skill::Skill};
use crate::{
    arena::{
        Bolt, Fighter, Input, Weapon,
        weapons::{longbow, sword},
    },
    game::{Angle, GameRng, Point, UNIT},
    id::SeatId,
    tick::Tick,
};

/// What the hands are at.
#[derive(Debug, Default)]
pub(super) struct Hands {
    aim: Angle,
    weapon: Weapon,
    /// Whom they are at, since when.
    mark: Option<(SeatId, Tick)>,
    /// How far beside the mark they aim for now, and until when.
    error: i32,
    error_until: Tick,
    /// Whether nothing stands between them and the mark.
    has_clear_shot: bool,
}

/// Nearer than this a bot takes its sword, in 1/256 unit.
const SWORD_WITHIN: i32 = sword::REACH + UNIT;
/// Farther than this a bot may draw its longbow, in 1/256 unit.
const LONGBOW_BEYOND: i32 = 11 * UNIT;
/// How long a hand stays off in one direction, in milliseconds.
const ERROR_MS: u32 = 300;
/// A weapon goes off when the aim is this near to where it should be (65,536 to the turn).
const READY: u16 = 500;
/// A sword needs less care.
const READY_TO_SWING: u16 = 6000;

impl Hands {
    /// Keeps aim and weapon and lets go.
    pub(super) fn rest(&mut self, percept: &Percept<'_>) -> Input {
        self.mark = None;
        self.aim = percept.me.body.aim;
        Input { aim: self.aim, weapon: self.weapon, ..Input::default() }
    }

    /// Takes note of who is in sight, and picks the weapon for them.
    pub(super) fn notice(&mut self, percept: &Percept<'_>, skill: &Skill, rng: &mut GameRng) {
        if percept.tick >= self.error_until {
            self.error = rng.between(-skill.aim_error, skill.aim_error);
            self.error_until = percept.tick.after(percept.rate.ticks(ERROR_MS));
        }
        let Some(enemy) = percept.enemy else {
            self.mark = None;
            return;
        };
        if self.mark.is_none_or(|(seat, _)| seat != enemy.seat) {
            self.mark = Some((enemy.seat, percept.tick));
        }
        self.has_clear_shot = percept.map.is_free(percept.at(), enemy.body.at);
        self.weapon = self.weapon_for(percept, enemy, skill);
    }

    /// Turns towards the mark and pulls when it is time.
    pub(super) fn work(&mut self, percept: &Percept<'_>, skill: &Skill) -> Input {
        let goal = percept.enemy.map_or_else(|| ahead(percept), |enemy| self.direction_to(percept, enemy));
        let most = (skill.turns_per_s / u32::from(percept.rate.hz())).min(Angle::HALF.0.into()) as u16;
        self.aim = self.aim.turned_towards(goal, most);
        let off = self.aim.turn_to(goal).unsigned_abs();
        let fire = self.is_awake(percept, skill) && self.pulls(percept, off);
        Input { aim: self.aim, weapon: self.weapon, fire, ..Input::default() }
    }

    /// Whether it wants to be near its mark.
    pub(super) fn has_sword(&self) -> bool {
        self.weapon == Weapon::Sword
    }

    /// Whether somebody is in sight and was long enough to be noticed.
    fn is_awake(&self, percept: &Percept<'_>, skill: &Skill) -> bool {
        self.mark.is_some_and(|(_, since)| percept.tick.since(since) >= percept.rate.ticks(skill.reaction_ms))
    }

    fn weapon_for(&self, percept: &Percept<'_>, enemy: &Fighter, skill: &Skill) -> Weapon {
        let distance = percept.distance(enemy.body.at);
        let is_drawing = percept.me.is_drawing && distance > LONGBOW_BEYOND / 2;
        let is_calm = percept.threat.is_none() && distance > LONGBOW_BEYOND;
        if percept.kit.quiver == 0 || skill.fights && distance < SWORD_WITHIN {
            Weapon::Sword
        } else if skill.uses_longbow && (is_drawing || is_calm) {
            Weapon::Longbow
        } else {
            Weapon::Crossbow
        }
    }

    /// Where to aim: at the mark, or with the crossbow at where it will be, and a little beside.
    fn direction_to(&self, percept: &Percept<'_>, enemy: &Fighter) -> Angle {
        let at = match self.weapon {
            Weapon::Crossbow => meeting_point(percept.at(), enemy),
            Weapon::Longbow | Weapon::Sword => enemy.body.at,
        };
        Angle::of(at - percept.at()) + Angle(self.error as u16)
    }

    fn pulls(&self, percept: &Percept<'_>, off: u16) -> bool {
        let distance = percept.enemy.map_or(i32::MAX, |enemy| percept.distance(enemy.body.at));
        match self.weapon {
            Weapon::Crossbow => self.has_clear_shot && off <= READY,
            Weapon::Sword => distance <= sword::REACH + Fighter::RADIUS && off <= READY_TO_SWING,
            // Held until it is drawn and the way is free; letting go is what looses it.
            Weapon::Longbow => {
                let is_drawn = u32::from(percept.kit.drawn_ticks) >= percept.rate.ticks(longbow::DRAW_MS);
                !(is_drawn && self.has_clear_shot && off <= READY)
            }
        }
    }
}

/// Where a bolt shot now meets a fighter that keeps its course: two rounds of reckoning are as near as a bolt is wide.
fn meeting_point(from: Point, enemy: &Fighter) -> Point {
    let mut at = enemy.body.at;
    for _ in 0..2 {
        let flight = from.distance(at) as i32;
        at = enemy.body.at + enemy.body.velocity.scaled(flight, Bolt::SPEED);
    }
    at
}

/// With nobody in sight, eyes follow the feet.
fn ahead(percept: &Percept<'_>) -> Angle {
    let body = &percept.me.body;
    if body.velocity == Point::default() { body.aim } else { Angle::of(body.velocity) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arena::{Body, RUN_SPEED, spawn},
        tick::TickRate,
    };

    #[test]
    fn a_bolt_aimed_at_the_meeting_point_meets_a_running_fighter() {
        for (x, y) in [(0, RUN_SPEED), (RUN_SPEED, 0), (-RUN_SPEED / 2, RUN_SPEED / 2)] {
            let at = Point::new(8 * UNIT, 0);
            let body = Body::standing(at, Angle(0), Tick(0), TickRate::default());
            let mut runner = spawn::fighter(SeatId(1), None, body);
            runner.body.velocity = Point::new(x, y);
            let meeting = meeting_point(Point::default(), &runner);
            let flight_ms = meeting.length() as i32 * 1000 / Bolt::SPEED;
            let then = at + Point::new(x, y).scaled(flight_ms, 1000);
            assert!(then.distance(meeting) < Fighter::RADIUS as u32, "{then:?} is not {meeting:?}");
        }
    }
}
