//! The longbow: drawn for half a second, then it strikes along a line at once.

use crate::{
    arena::{
        fighter::Fighter, geometry::passing, input::Input, kit::Kit, map::Map, team::Allegiance,
        weapons::Pose,
    },
    game::{Angle, Point, UNIT},
    tick::TickRate,
};

/// How long it takes to draw, in milliseconds.
pub(crate) const DRAW_MS: u32 = 500;
/// How far an arrow carries, in 1/256 unit.
pub(crate) const RANGE: i32 = 32 * UNIT;

/// Whether an arrow is loosed: the trigger is let go of a bow that was fully drawn. Let go too early, it is just lowered.
pub(super) fn is_loosed(kit: &mut Kit, input: &Input, rate: TickRate) -> bool {
    if input.fire && kit.busy_ticks == 0 && kit.quiver > 0 {
        kit.drawn_ticks = kit.drawn_ticks.saturating_add(1);
        return false;
    }
    let is_loosed = !input.fire && u32::from(kit.drawn_ticks) >= rate.ticks(DRAW_MS);
    kit.drawn_ticks = 0;
    if is_loosed {
        kit.quiver = kit.quiver.saturating_sub(1);
    }
    is_loosed
}

/// Which enemy's pose an arrow strikes first; walls stop it.
pub(crate) fn strike(
    map: &Map,
    poses: &[Pose],
    archer: Allegiance,
    from: Point,
    aim: Angle,
) -> Option<Allegiance> {
    let far = from + aim.times(RANGE);
    let end = map.march(from, far).unwrap_or(far);
    let struck = |pose: &&Pose| Some((passing(from, end, pose.at, Fighter::RADIUS)?, pose.allegiance));
    let enemies = poses.iter().filter(|pose| pose.allegiance.is_enemy_of(archer));
    enemies.filter_map(|pose| struck(&pose)).min_by_key(|(along, _)| *along).map(|(_, victim)| victim)
}
