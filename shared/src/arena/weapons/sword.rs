//! The sword: whoever stands near and in front is struck.

use crate::{
    arena::{fighter::Fighter, input::Input, kit::Kit, map::Map, team::Allegiance, weapons::Standing},
    game::{Angle, Point, UNIT},
};

/// How far from the swinger's middle the blade reaches, in 1/256 unit.
pub(crate) const REACH: i32 = 2 * UNIT;
/// Half of the arc it sweeps: a sixth of a turn.
const HALF_ARC: u16 = u16::MAX / 6;

/// Whether the sword is swung.
pub(super) const fn is_swung(kit: &Kit, input: &Input) -> bool {
    input.fire && kit.busy_ticks == 0
}

/// All enemies that a swing strikes.
pub(crate) fn strike(
    map: &Map,
    others: impl Iterator<Item = Standing>,
    swinger: Allegiance,
    from: Point,
    aim: Angle,
) -> impl Iterator<Item = Allegiance> {
    let is_near = move |at: Point| from.distance(at) <= (REACH + Fighter::RADIUS) as u32;
    let is_ahead = move |at: Point| aim.turn_to(Angle::of(at - from)).unsigned_abs() <= HALF_ARC;
    others
        .filter(move |other| other.who.is_enemy_of(swinger) && is_near(other.at) && is_ahead(other.at))
        .filter(move |other| map.is_free(from, other.at))
        .map(|other| other.who)
}
