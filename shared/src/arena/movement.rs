//! A fighter's movement: one rule, called by the server's step and by client prediction.

use super::{
    body::{Body, DASH_COOLDOWN_MS, VELOCITY_STEP, in_substeps, share_between, substeps, substeps_per_s},
    input::Input,
    map::Map,
    weapon::Weapon,
};
use crate::game::{Angle, Point, UNIT};

/// Running speed, in 1/256 unit a second.
pub const RUN_SPEED: i32 = 6 * UNIT;
/// Speed while drawing a longbow, in percent of [`RUN_SPEED`].
const DRAWING_SPEED_PERCENT: i32 = 40;
/// Acceleration, in 1/256 unit a second squared.
const ACCELERATION: i32 = 50 * UNIT;
/// Deceleration without a movement input, in 1/256 unit a second squared.
const FRICTION: i32 = 40 * UNIT;
/// Speed of a dash, in 1/256 unit a second.
const DASH_SPEED: i32 = 16 * UNIT;

/// Moves a body by one tick under `input`.
pub(super) fn advance(body: &mut Body, input: &Input, map: &Map) {
    body.aim = input.aim;
    for _ in 0..substeps(body.rate) {
        substep(body, input, map);
    }
}

fn substep(body: &mut Body, input: &Input, map: &Map) {
    let substeps_per_s = i64::from(substeps_per_s(body.rate));
    let now = i64::from(body.phase);
    let share = |per_second: i32| share_between(per_second, now, now + 1, substeps_per_s) as i32;
    if input.dash && body.dash_wait == 0 && input.direction() != Point::default() {
        body.dash_wait = in_substeps(DASH_COOLDOWN_MS, body.rate);
        body.velocity = rounded(Angle::of(input.direction()).times(DASH_SPEED));
    } else if !body.is_dashing() {
        let wanted = wanted_velocity(input);
        let change = if wanted == Point::default() { FRICTION } else { ACCELERATION };
        body.velocity = approach(body.velocity, wanted, share(change));
    }
    let moved = body.at + Point::new(share(body.velocity.x), share(body.velocity.y));
    let (at, velocity) = map.slide(moved, body.velocity, Body::RADIUS);
    body.at = at;
    body.velocity = rounded(velocity);
    body.dash_wait = body.dash_wait.saturating_sub(1);
    body.phase = ((now + 1) % substeps_per_s) as u8;
}

/// The velocity that the input asks for. Drawing a longbow slows, and depends on the input alone, so prediction needs
/// nothing else.
fn wanted_velocity(input: &Input) -> Point {
    let is_drawing = input.fire && input.weapon == Weapon::Longbow;
    let speed = if is_drawing { RUN_SPEED * DRAWING_SPEED_PERCENT / 100 } else { RUN_SPEED };
    rounded(input.direction().scaled(speed, Input::FULL_SPEED))
}

/// `from`, moved towards `to` by at most `max_change`.
fn approach(from: Point, to: Point, max_change: i32) -> Point {
    let gap = to - from;
    let length = gap.length() as i32;
    if length <= max_change { to } else { rounded(from + gap.scaled(max_change, length)) }
}

/// The nearest multiple of [`VELOCITY_STEP`] on each axis.
fn rounded(velocity: Point) -> Point {
    let round = |speed: i32| {
        speed.saturating_add(speed.signum() * (VELOCITY_STEP / 2)) / VELOCITY_STEP * VELOCITY_STEP
    };
    Point::new(round(velocity.x), round(velocity.y))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        arena::body::{DASH_MS, from_steps},
        tick::{Tick, TickRate},
    };

    const EAST: Input =
        Input { move_x: 127, move_y: 0, aim: Angle(0), weapon: Weapon::Crossbow, fire: false, dash: false };

    fn body(rate: u16) -> Body {
        let map = Map::from_seed(3);
        let at = map.spawns().next().unwrap();
        Body::at_rest(at, Angle(0), Tick(0), TickRate::new(rate).unwrap())
    }

    /// Displacement without walls.
    fn coast(body: &Body, seconds: u32) -> Point {
        body.extrapolate(u32::from(body.rate.hz()) * seconds).at - body.at
    }

    #[test]
    fn a_second_at_full_speed_covers_the_same_distance_at_any_rate() {
        for rate in 1..=128 {
            let mut runner = body(rate);
            runner.velocity = Point::new(RUN_SPEED, -VELOCITY_STEP);
            assert_eq!(coast(&runner, 1), Point::new(RUN_SPEED, -VELOCITY_STEP), "at {rate} Hz");
        }
    }

    #[test]
    fn acceleration_is_the_same_at_any_rate() {
        for rate in [10, 20, 30, 60, 90, 128] {
            let mut runner = body(rate);
            let map = Map::from_seed(3);
            let ticks = u32::from(rate) / 10;
            (0..ticks).for_each(|_| advance(&mut runner, &EAST, &map));
            let speed = runner.velocity.x;
            assert!((1180..=1340).contains(&speed), "{speed} after a tenth of a second at {rate} Hz");
        }
    }

    #[test]
    fn a_dash_ends_and_then_cools_down() {
        let map = Map::from_seed(3);
        let mut dasher = body(60);
        let dash = Input { dash: true, ..EAST };
        advance(&mut dasher, &dash, &map);
        assert!(dasher.is_dashing());
        (0..20).for_each(|_| advance(&mut dasher, &dash, &map));
        assert!(!dasher.is_dashing(), "a dash ends after {DASH_MS} ms");
        assert!(dasher.dash_wait > 0, "the next dash waits for the cooldown");
    }

    proptest! {
        #[test]
        fn no_movement_enters_a_wall(
            seed in 0..40u64,
            rate in 1..=128u16,
            movements in proptest::collection::vec((any::<i8>(), any::<i8>(), any::<bool>()), 1..40),
        ) {
            let map = Map::from_seed(seed);
            let at = map.spawns().next().unwrap();
            let mut body = Body::at_rest(at, Angle(0), Tick(0), TickRate::new(rate).unwrap());
            for (move_x, move_y, dash) in movements {
                let input = Input { move_x, move_y, dash, ..EAST };
                (0..8).for_each(|_| advance(&mut body, &input, &map));
                prop_assert!(map.fits(body.at, Body::RADIUS - 2), "inside a wall at {:?}", body.at);
            }
        }

        #[test]
        fn steady_running_matches_its_extrapolation(
            rate in 1..=128u16, ticks in 1..64u32, x in -190..190i32, y in -190..190i32,
        ) {
            let mut runner = body(rate);
            runner.velocity = from_steps(Point::new(x, y));
            let mut stepped = runner.clone();
            for _ in 0..ticks {
                stepped = stepped.extrapolate(1);
            }
            prop_assert_eq!(stepped, runner.extrapolate(ticks));
        }
    }
}
