//! A bot's movement in a fight: strafes at a distance, runs straight at the enemy with a sword, and sidesteps bolts.

use super::{aim::WeaponControl, perception::Perception, skill::Skill};
use crate::{
    game::{Angle, GameRng, Point, UNIT},
    tick::Tick,
};

/// Distance that a bot with a crossbow or longbow keeps from its enemy, in 1/256 unit.
const KEPT_DISTANCE: i32 = 4 * UNIT;
/// Period after which a bot chooses its strafing direction again, in milliseconds.
const CIRCLE_MS: u32 = 700;
/// Sideways part of the movement, as a length to be added to the approach towards [`KEPT_DISTANCE`], in 1/256 unit.
const SIDEWAYS: i32 = 4 * UNIT;
/// Length of a sidestep's vector, in 1/256 unit: only its direction matters.
const FAR: i32 = 8 * UNIT;

/// The direction in which to fight: away from a bolt's line, or relative to the enemy. `None` when the skill does not fight,
/// the bot is too wounded, or there is neither a bolt nor an enemy.
pub(super) fn direction(perception: &Perception<'_>, weapon: &WeaponControl, skill: &Skill) -> Option<Point> {
    if !skill.fights {
        return None;
    }
    if let Some(bolt) = perception.threat.filter(|_| skill.sidesteps) {
        return Some(sidestep(perception, bolt.at(), bolt.aim));
    }
    if perception.me.health < skill.retreats_below {
        return None;
    }
    let to = perception.enemy?.body.at - perception.at();
    let towards = Angle::of(to);
    if weapon.has_sword() {
        return Some(to);
    }
    let near = towards.times((to.length() as i32).saturating_sub(KEPT_DISTANCE));
    let side = if strafes_right(perception.tick, perception) { SIDEWAYS } else { -SIDEWAYS };
    Some(near + (towards + Angle::QUARTER).times(side))
}

/// Whether to dash now to dodge a bolt; drawn at random for each decision.
pub(super) fn wants_dash(perception: &Perception<'_>, skill: &Skill, rng: &mut GameRng) -> bool {
    perception.threat.is_some() && rng.chance(skill.dodges_percent, PERCENT)
}

const PERCENT: u32 = 100;

/// The direction perpendicular to a bolt's line, to the side on which the bot already stands.
fn sidestep(perception: &Perception<'_>, bolt_at: Point, bolt_aim: Angle) -> Point {
    let bearing = Angle::of(perception.at() - bolt_at);
    let aside = if bolt_aim.turn_to(bearing) >= 0 { Angle::QUARTER } else { Angle(0) - Angle::QUARTER };
    (bolt_aim + aside).times(FAR)
}

/// Whether to strafe to the right rather than the left: a pseudo-random choice for each seat and each period of
/// [`CIRCLE_MS`].
fn strafes_right(now: Tick, perception: &Perception<'_>) -> bool {
    let turn = now.0 / perception.rate.ticks(CIRCLE_MS) + u32::from(perception.me.seat.0) * 7;
    (turn.wrapping_mul(0x9e37_79b9) >> 31) == 1
}
