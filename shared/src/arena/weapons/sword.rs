//! The sword: hits enemies nearby and in front.

use crate::{
    arena::{fighter::Fighter, input::Input, kit::Kit, map::Map, team::Allegiance, weapons::target::Target},
    game::{Angle, Point, UNIT},
};

/// Reach from the attacker's centre, in 1/256 unit.
pub(crate) const REACH: i32 = 2 * UNIT;
/// Half of the sword's arc, on either side of the aim: a sixth of a turn.
const HALF_ARC: u16 = u16::MAX / 6;

/// Returns true if the sword swings in this tick.
pub(super) const fn update(kit: &Kit, input: &Input) -> bool {
    input.fire && kit.busy_ticks == 0
}

/// All enemies that a swing hits: in reach, within the arc, and not behind a wall.
pub(crate) fn targets(
    map: &Map,
    others: impl Iterator<Item = Target>,
    swinger: Allegiance,
    from: Point,
    aim: Angle,
) -> impl Iterator<Item = Allegiance> {
    let is_near = move |at: Point| from.distance(at) <= (REACH + Fighter::RADIUS) as u32;
    let is_ahead = move |at: Point| aim.turn_to(Angle::of(at - from)).unsigned_abs() <= HALF_ARC;
    others
        .filter(move |other| other.allegiance.is_enemy_of(swinger) && is_near(other.at) && is_ahead(other.at))
        .filter(move |other| map.is_free(from, other.at))
        .map(|other| other.allegiance)
}
