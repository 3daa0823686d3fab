//! A bot's weapon control: which weapon to hold, where to aim, when to fire.

use super::{perception::Perception, skill::Skill};
use crate::{
    arena::{
        Bolt, Fighter, Input, Weapon,
        weapons::{longbow, sword},
    },
    game::{Angle, GameRng, Point, UNIT},
    id::SeatId,
    tick::Tick,
};

/// Aim, weapon and current target of a bot.
#[derive(Debug, Default)]
pub(super) struct WeaponControl {
    aim: Angle,
    weapon: Weapon,
    /// The current target, and the tick at which it became the target.
    target: Option<(SeatId, Tick)>,
    /// Current aiming error (65,536 to the turn), drawn again at `error_until`.
    error: i32,
    error_until: Tick,
    /// Whether no wall stands between the bot and the target's position at the last observation.
    has_clear_shot: bool,
}

/// A bot switches to the sword when an enemy is nearer than this, in 1/256 unit.
const SWORD_RANGE: i32 = sword::REACH + UNIT;
/// A bot may start to draw its longbow when the enemy is farther away than this, and keeps drawing down to half of it, in
/// 1/256 unit.
const LONGBOW_MIN_RANGE: i32 = 11 * UNIT;
/// Time between two draws of the aiming error, in milliseconds.
const ERROR_MS: u32 = 300;
/// Maximum angle between the current and the intended aim (aiming error included) at which a crossbow or longbow fires
/// (65,536 to the turn).
const AIM_TOLERANCE: u16 = 500;
/// Maximum angle at which a sword swings (65,536 to the turn): large, because the sword's arc is wide.
const SWING_TOLERANCE: u16 = 6000;

impl WeaponControl {
    /// Returns an input that keeps the fighter's aim and the chosen weapon and releases the trigger; clears the target.
    pub(super) fn idle(&mut self, perception: &Perception<'_>) -> Input {
        self.target = None;
        self.aim = perception.me.body.aim;
        Input { aim: self.aim, weapon: self.weapon, ..Input::default() }
    }

    /// Updates target, aiming error and clear shot from the enemy in sight, and picks the weapon for that enemy.
    pub(super) fn observe(&mut self, perception: &Perception<'_>, skill: &Skill, rng: &mut GameRng) {
        if perception.tick >= self.error_until {
            self.error = rng.between(-skill.aim_error, skill.aim_error);
            self.error_until = perception.tick.after(perception.rate.ticks(ERROR_MS));
        }
        let Some(enemy) = perception.enemy else {
            self.target = None;
            return;
        };
        if self.target.is_none_or(|(seat, _)| seat != enemy.seat) {
            self.target = Some((enemy.seat, perception.tick));
        }
        self.has_clear_shot = perception.map.is_free(perception.at(), enemy.body.at);
        self.weapon = self.weapon_for(perception, enemy, skill);
    }

    /// Turns towards the target, or ahead without one; fires when the reaction time is over and the aim is good enough.
    pub(super) fn act(&mut self, perception: &Perception<'_>, skill: &Skill) -> Input {
        let goal =
            perception.enemy.map_or_else(|| ahead(perception), |enemy| self.direction_to(perception, enemy));
        let max_turn = (skill.turns_per_s / u32::from(perception.rate.hz())).min(Angle::HALF.0.into()) as u16;
        self.aim = self.aim.turned_towards(goal, max_turn);
        let off = self.aim.turn_to(goal).unsigned_abs();
        let fire = self.has_reacted(perception, skill) && self.wants_fire(perception, off);
        Input { aim: self.aim, weapon: self.weapon, fire, ..Input::default() }
    }

    /// Whether the chosen weapon is the sword, for which the bot must get close.
    pub(super) fn has_sword(&self) -> bool {
        self.weapon == Weapon::Sword
    }

    /// Whether the target has been in sight for at least the reaction time.
    fn has_reacted(&self, perception: &Perception<'_>, skill: &Skill) -> bool {
        self.target.is_some_and(|(_, since)| {
            perception.tick.since(since) >= perception.rate.ticks(skill.reaction_ms)
        })
    }

    fn weapon_for(&self, perception: &Perception<'_>, enemy: &Fighter, skill: &Skill) -> Weapon {
        let distance = perception.distance(enemy.body.at);
        let is_drawing = perception.me.is_drawing && distance > LONGBOW_MIN_RANGE / 2;
        let is_calm = perception.threat.is_none() && distance > LONGBOW_MIN_RANGE;
        if perception.kit.quiver == 0 || skill.fights && distance < SWORD_RANGE {
            Weapon::Sword
        } else if skill.uses_longbow && (is_drawing || is_calm) {
            Weapon::Longbow
        } else {
            Weapon::Crossbow
        }
    }

    /// The direction to aim at: the target, or for the crossbow its predicted position, plus the aiming error.
    fn direction_to(&self, perception: &Perception<'_>, enemy: &Fighter) -> Angle {
        let at = match self.weapon {
            Weapon::Crossbow => intercept_point(perception.at(), enemy),
            Weapon::Longbow | Weapon::Sword => enemy.body.at,
        };
        Angle::of(at - perception.at()) + Angle(self.error as u16)
    }

    fn wants_fire(&self, perception: &Perception<'_>, off: u16) -> bool {
        let distance = perception.enemy.map_or(i32::MAX, |enemy| perception.distance(enemy.body.at));
        match self.weapon {
            Weapon::Crossbow => self.has_clear_shot && off <= AIM_TOLERANCE,
            Weapon::Sword => distance <= sword::REACH + Fighter::RADIUS && off <= SWING_TOLERANCE,
            // True holds the trigger: the bow shoots when it is released, drawn and with a clear line.
            Weapon::Longbow => {
                let is_drawn =
                    u32::from(perception.kit.drawn_ticks) >= perception.rate.ticks(longbow::DRAW_MS);
                !(is_drawn && self.has_clear_shot && off <= AIM_TOLERANCE)
            }
        }
    }
}

/// The point where a bolt fired now meets a fighter that keeps its velocity.
///
/// At running speed (0.3 of a bolt's), two iterations leave an error of at most 4 % of the distance: less than a fighter's
/// radius (0.45 units) up to 11 units.
fn intercept_point(from: Point, enemy: &Fighter) -> Point {
    let mut at = enemy.body.at;
    for _ in 0..2 {
        let flight = from.distance(at) as i32;
        at = enemy.body.at + enemy.body.velocity.scaled(flight, Bolt::SPEED);
    }
    at
}

/// The aim without an enemy in sight: the direction of movement.
fn ahead(perception: &Perception<'_>) -> Angle {
    let body = &perception.me.body;
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
    fn a_bolt_aimed_at_the_intercept_point_meets_a_running_fighter() {
        for (x, y) in [(0, RUN_SPEED), (RUN_SPEED, 0), (-RUN_SPEED / 2, RUN_SPEED / 2)] {
            let at = Point::new(8 * UNIT, 0);
            let body = Body::at_rest(at, Angle(0), Tick(0), TickRate::default());
            let mut runner = spawn::fighter(SeatId(1), None, body);
            runner.body.velocity = Point::new(x, y);
            let intercept = intercept_point(Point::default(), &runner);
            let flight_ms = intercept.length() as i32 * 1000 / Bolt::SPEED;
            let then = at + Point::new(x, y).scaled(flight_ms, 1000);
            assert!(then.distance(intercept) < Fighter::RADIUS as u32, "{then:?} is not {intercept:?}");
        }
    }
}
