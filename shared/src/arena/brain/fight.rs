//! How a bot moves while somebody is in sight: near enough to hit, never in a straight line.

use super::{aim::Hands, percept::Percept, skill::Skill};
use crate::{
    game::{Angle, GameRng, Point, UNIT},
    tick::Tick,
};

/// The distance that a bot with a crossbow keeps, in 1/256 unit.
const KEPT_DISTANCE: i32 = 4 * UNIT;
/// How long it circles one way, in milliseconds.
const CIRCLE_MS: u32 = 700;
/// How much of its way goes sideways rather than near, as a length beside [`KEPT_DISTANCE`], in 1/256 unit.
const SIDEWAYS: i32 = 4 * UNIT;
/// Any length will do for a direction.
const FAR: i32 = 8 * UNIT;

/// Which way to go because of an enemy or its bolt; `None` when neither matters.
pub(super) fn way(percept: &Percept<'_>, hands: &Hands, skill: &Skill) -> Option<Point> {
    if !skill.fights {
        return None;
    }
    if let Some(bolt) = percept.threat.filter(|_| skill.sidesteps) {
        return Some(out_of_the_way(percept, bolt.at(), bolt.aim));
    }
    if percept.me.health < skill.retreats_below {
        return None;
    }
    let to = percept.enemy?.body.at - percept.at();
    let towards = Angle::of(to);
    if hands.has_sword() {
        return Some(to);
    }
    let near = towards.times((to.length() as i32).saturating_sub(KEPT_DISTANCE));
    let side = if circles_left(percept.tick, percept) { SIDEWAYS } else { -SIDEWAYS };
    Some(near + (towards + Angle::QUARTER).times(side))
}

/// Whether to spend the dash on getting out of a bolt's way.
pub(super) fn wants_dash(percept: &Percept<'_>, skill: &Skill, rng: &mut GameRng) -> bool {
    percept.threat.is_some() && rng.chance(skill.dodges_percent, PERCENT)
}

const PERCENT: u32 = 100;

/// Sideways off a bolt's line, to the side on which one stands already.
fn out_of_the_way(percept: &Percept<'_>, bolt_at: Point, bolt_aim: Angle) -> Point {
    let bearing = Angle::of(percept.at() - bolt_at);
    let aside = if bolt_aim.turn_to(bearing) >= 0 { Angle::QUARTER } else { Angle(0) - Angle::QUARTER };
    (bolt_aim + aside).times(FAR)
}

/// Neighbouring seats circle opposite ways, and everybody changes now and then.
fn circles_left(now: Tick, percept: &Percept<'_>) -> bool {
    let turn = now.0 / percept.rate.ticks(CIRCLE_MS) + u32::from(percept.me.seat.0) * 7;
    (turn.wrapping_mul(0x9e37_79b9) >> 31) == 1
}
