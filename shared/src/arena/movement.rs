//! A fighter's movement: one rule, called by the server's step and by client prediction.
//!
//! Speeds are per second, and a tick covers `1/hz` of one, so a room plays alike at any rate. Two things make that exact: at
//! a low tick rate a tick is divided into substeps (so walls stop a fighter at 1 Hz too), and `phase` counts the substeps of
//! the second, so that the fractions of a subunit that one substep drops are added by another. That also makes straight
//! running exactly predictable, and a correctly predicted fighter costs one bit on the wire.

use super::{fighter::Fighter, input::Input, map::Map, weapons::Weapon};
use crate::{
    game::{Angle, Point, UNIT},
    tick::{Tick, TickRate},
};

/// Position and motion of a fighter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Body {
    /// Its centre.
    pub at: Point,
    /// In 1/256 unit a second; always a multiple of [`VELOCITY_STEP`].
    pub velocity: Point,
    /// Direction of aim.
    pub aim: Angle,
    /// Cooldown of the dash, in substeps. The first ones of the cooldown are the dash itself.
    pub dash_wait: u16,
    /// Index of the next substep within the second.
    pub phase: u8,
    /// The room's tick rate, stored here because [`Entity::extrapolate`](crate::game::Entity::extrapolate) receives only
    /// `ticks`.
    pub rate: TickRate,
}

/// Resolution of velocities, in 1/256 unit a second: a thirty-second of a unit, too small to notice, and saves three bits an
/// axis.
pub const VELOCITY_STEP: i32 = 8;

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
/// Duration of a dash, in milliseconds.
const DASH_MS: u32 = 160;
/// Time from the start of one dash to the next, in milliseconds.
const DASH_COOLDOWN_MS: u32 = 1500;
/// Minimum number of substeps in a second: a dash then moves by 0.27 units at once, less than a fighter's radius.
const MIN_SUBSTEPS_PER_S: u16 = 60;

/// Moves a body by one tick under `input`.
pub(super) fn advance(body: &mut Body, input: &Input, map: &Map) {
    body.aim = input.aim;
    for _ in 0..substeps(body.rate) {
        substep(body, input, map);
    }
}

/// A velocity in multiples of [`VELOCITY_STEP`], for the wire.
pub(super) const fn to_steps(velocity: Point) -> Point {
    Point::new(velocity.x / VELOCITY_STEP, velocity.y / VELOCITY_STEP)
}

/// The inverse of [`to_steps`].
pub(super) const fn from_steps(steps: Point) -> Point {
    Point::new(steps.x.wrapping_mul(VELOCITY_STEP), steps.y.wrapping_mul(VELOCITY_STEP))
}

impl Body {
    /// A body at rest after this tick.
    pub(super) const fn at_rest(at: Point, aim: Angle, tick: Tick, rate: TickRate) -> Self {
        let phase = phase_after(tick, rate);
        Self { at, velocity: Point::new(0, 0), aim, dash_wait: 0, phase, rate }
    }

    /// The body `ticks` later, without inputs and walls.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let substeps_per_s = i64::from(substeps_per_s(self.rate));
        let passed = i64::from(ticks) * i64::from(substeps(self.rate));
        let end = i64::from(self.phase) + passed;
        let travel = |speed| share_between(speed, i64::from(self.phase), end, substeps_per_s) as i32;
        Self {
            at: self.at + Point::new(travel(self.velocity.x), travel(self.velocity.y)),
            dash_wait: self.dash_wait.saturating_sub(u16::try_from(passed).unwrap_or(u16::MAX)),
            phase: end.rem_euclid(substeps_per_s) as u8,
            ..self.clone()
        }
    }

    /// The body drawn at `part / whole` of the way to a later one: position and aim are interpolated, the other fields are
    /// this body's. Lag compensation interpolates in the same way.
    pub(super) const fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        Self {
            at: self.at.towards(later.at, part, whole),
            aim: self.aim.towards(later.aim, part, whole),
            ..*self
        }
    }

    /// Ticks from `tick` to this body, modulo one second, derived from the phase.
    pub(super) const fn ticks_since(&self, tick: Tick) -> u32 {
        let substeps_per_s = substeps_per_s(self.rate);
        let passed =
            (self.phase as u16 + substeps_per_s - phase_after(tick, self.rate) as u16) % substeps_per_s;
        (passed / substeps(self.rate)) as u32
    }

    /// Whether a dash is in progress.
    #[must_use]
    pub fn is_dashing(&self) -> bool {
        self.dash_wait > in_substeps(DASH_COOLDOWN_MS - DASH_MS, self.rate)
    }
}

/// Index of the substep that follows this tick.
const fn phase_after(tick: Tick, rate: TickRate) -> u8 {
    (tick.0 % rate.hz() as u32 * substeps(rate) as u32) as u8
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
    let (at, velocity) = map.slide(moved, body.velocity, Fighter::RADIUS);
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

/// The share of `per_second` that falls on the substeps from `start` to `end`: sums of consecutive spans are exact.
const fn share_between(per_second: i32, start: i64, end: i64, substeps_per_s: i64) -> i64 {
    let whole = per_second as i64;
    (whole * end).div_euclid(substeps_per_s) - (whole * start).div_euclid(substeps_per_s)
}

/// Substeps in a tick.
const fn substeps(rate: TickRate) -> u16 {
    MIN_SUBSTEPS_PER_S.div_ceil(rate.hz())
}

/// Substeps in a second: 60 to 128.
const fn substeps_per_s(rate: TickRate) -> u16 {
    substeps(rate) * rate.hz()
}

const fn in_substeps(ms: u32, rate: TickRate) -> u16 {
    (ms * substeps_per_s(rate) as u32 / 1000) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
                prop_assert!(map.fits(body.at, Fighter::RADIUS - 2), "inside a wall at {:?}", body.at);
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
