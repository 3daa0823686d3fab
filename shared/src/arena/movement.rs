//! How a fighter moves: the one rule that the server's step and a client's prediction both call.
//!
//! Speeds are per second, and a tick covers `1/hz` of one, so a room plays alike at any rate. Two things make that exact:
//! a slow room divides its ticks into substeps (so walls stop a fighter at 1 Hz too), and `phase` remembers where in the
//! second a substep falls, so that the fractions of a subunit that one substep drops, another makes up for. That also makes
//! straight running exactly predictable, and an expected fighter costs one bit on the wire.

use super::{fighter::Fighter, input::Input, map::Map, weapons::Weapon};
use crate::{
    game::{Angle, Point, UNIT},
    tick::{Tick, TickRate},
};

/// Where a fighter is and how it moves.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Body {
    /// Its middle.
    pub at: Point,
    /// In 1/256 unit a second; always whole [`GRAIN`]s.
    pub velocity: Point,
    /// Where it aims.
    pub aim: Angle,
    /// Substeps until the next dash may begin. The first ones of the wait are the dash itself.
    pub dash_wait: u16,
    /// Which substep of the second comes next.
    pub phase: u8,
    /// The room's rate, carried along because an entity is extrapolated without being told.
    pub rate: TickRate,
}

/// Velocities are multiples of this, in 1/256 unit a second: a thirty-second of a unit, which nobody feels and which saves
/// three bits an axis.
pub const GRAIN: i32 = 8;

/// How fast a fighter runs, in 1/256 unit a second.
pub const RUN_SPEED: i32 = 6 * UNIT;
/// How fast it moves while drawing a longbow, in hundredths of [`RUN_SPEED`].
const DRAWING_SPEED_PERCENT: i32 = 40;
/// How fast it gains speed, in 1/256 unit a second squared.
const ACCELERATION: i32 = 50 * UNIT;
/// How fast it loses speed when nobody says where to go, the same.
const FRICTION: i32 = 40 * UNIT;
/// How fast it dashes, in 1/256 unit a second.
const DASH_SPEED: i32 = 16 * UNIT;
/// How long a dash lasts, in milliseconds.
const DASH_MS: u32 = 160;
/// How long from one dash's beginning to the next, in milliseconds.
const DASH_EVERY_MS: u32 = 1500;
/// The fewest substeps in a second: a dash then moves by 0.27 units at once, less than a fighter's radius.
const FEWEST_SUBSTEPS: u16 = 60;

/// Moves a body by one tick as `input` says.
pub(super) fn advance(body: &mut Body, input: &Input, map: &Map) {
    body.aim = input.aim;
    for _ in 0..substeps(body.rate) {
        substep(body, input, map);
    }
}

/// A velocity in grains, for the wire.
pub(super) const fn grains(velocity: Point) -> Point {
    Point::new(velocity.x / GRAIN, velocity.y / GRAIN)
}

/// The way back from [`grains`].
pub(super) const fn from_grains(grains: Point) -> Point {
    Point::new(grains.x.wrapping_mul(GRAIN), grains.y.wrapping_mul(GRAIN))
}

impl Body {
    /// A body that stands here after this tick.
    pub(super) const fn standing(at: Point, aim: Angle, tick: Tick, rate: TickRate) -> Self {
        let phase = phase_after(tick, rate);
        Self { at, velocity: Point::new(0, 0), aim, dash_wait: 0, phase, rate }
    }

    /// This body `ticks` later if neither hands nor walls touch it.
    pub(super) fn coasted(&self, ticks: u32) -> Self {
        let pace = i64::from(pace(self.rate));
        let passed = i64::from(ticks) * i64::from(substeps(self.rate));
        let end = i64::from(self.phase) + passed;
        let travel = |speed| between(speed, i64::from(self.phase), end, pace) as i32;
        Self {
            at: self.at + Point::new(travel(self.velocity.x), travel(self.velocity.y)),
            dash_wait: self.dash_wait.saturating_sub(u16::try_from(passed).unwrap_or(u16::MAX)),
            phase: end.rem_euclid(pace) as u8,
            ..self.clone()
        }
    }

    /// What is drawn on the way from this body to a later one: it goes straight, and the rest is still as it was. A rewound shot
    /// is judged by the same straight way.
    pub(super) const fn towards(&self, later: &Self, part: u32, whole: u32) -> Self {
        Self {
            at: self.at.towards(later.at, part, whole),
            aim: self.aim.towards(later.aim, part, whole),
            ..*self
        }
    }

    /// How many ticks after `tick` this is, less whole seconds: the phase tells.
    pub(super) const fn ticks_since(&self, tick: Tick) -> u32 {
        let pace = pace(self.rate);
        let passed = (self.phase as u16 + pace - phase_after(tick, self.rate) as u16) % pace;
        (passed / substeps(self.rate)) as u32
    }

    /// Whether a dash is under way.
    #[must_use]
    pub fn is_dashing(&self) -> bool {
        self.dash_wait > in_substeps(DASH_EVERY_MS - DASH_MS, self.rate)
    }
}

/// Which substep of the second comes after this tick.
const fn phase_after(tick: Tick, rate: TickRate) -> u8 {
    (tick.0 % rate.hz() as u32 * substeps(rate) as u32) as u8
}

fn substep(body: &mut Body, input: &Input, map: &Map) {
    let pace = i64::from(pace(body.rate));
    let now = i64::from(body.phase);
    let share = |per_second: i32| between(per_second, now, now + 1, pace) as i32;
    if input.dash && body.dash_wait == 0 && input.way() != Point::default() {
        body.dash_wait = in_substeps(DASH_EVERY_MS, body.rate);
        body.velocity = snapped(Angle::of(input.way()).times(DASH_SPEED));
    } else if !body.is_dashing() {
        let wanted = wanted_velocity(input);
        let change = if wanted == Point::default() { FRICTION } else { ACCELERATION };
        body.velocity = towards(body.velocity, wanted, share(change));
    }
    let moved = body.at + Point::new(share(body.velocity.x), share(body.velocity.y));
    let (at, velocity) = map.slide(moved, body.velocity, Fighter::RADIUS);
    body.at = at;
    body.velocity = snapped(velocity);
    body.dash_wait = body.dash_wait.saturating_sub(1);
    body.phase = ((now + 1) % pace) as u8;
}

/// How fast hands want to go. Holding a drawn longbow slows, and only the input says so: prediction needs nothing else.
fn wanted_velocity(input: &Input) -> Point {
    let is_drawing = input.fire && input.weapon == Weapon::Longbow;
    let speed = if is_drawing { RUN_SPEED * DRAWING_SPEED_PERCENT / 100 } else { RUN_SPEED };
    snapped(input.way().scaled(speed, Input::FULL))
}

/// `from`, changed towards `to` by at most `most`.
fn towards(from: Point, to: Point, most: i32) -> Point {
    let gap = to - from;
    let length = gap.length() as i32;
    if length <= most { to } else { snapped(from + gap.scaled(most, length)) }
}

/// The nearest velocity of whole grains.
fn snapped(velocity: Point) -> Point {
    let snap = |speed: i32| speed.saturating_add(speed.signum() * (GRAIN / 2)) / GRAIN * GRAIN;
    Point::new(snap(velocity.x), snap(velocity.y))
}

/// How much of `per_second` falls on the substeps from `start` to `end`: sums of consecutive spans are exact.
const fn between(per_second: i32, start: i64, end: i64, pace: i64) -> i64 {
    let whole = per_second as i64;
    (whole * end).div_euclid(pace) - (whole * start).div_euclid(pace)
}

/// Substeps in a tick.
const fn substeps(rate: TickRate) -> u16 {
    FEWEST_SUBSTEPS.div_ceil(rate.hz())
}

/// Substeps in a second: 60 to 128.
const fn pace(rate: TickRate) -> u16 {
    substeps(rate) * rate.hz()
}

const fn in_substeps(ms: u32, rate: TickRate) -> u16 {
    (ms * pace(rate) as u32 / 1000) as u16
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
        Body::standing(at, Angle(0), Tick(0), TickRate::new(rate).unwrap())
    }

    /// Without walls, to compare ways alone.
    fn coast(body: &Body, seconds: u32) -> Point {
        body.coasted(u32::from(body.rate.hz()) * seconds).at - body.at
    }

    #[test]
    fn a_second_at_full_speed_is_as_long_at_any_rate() {
        for rate in 1..=128 {
            let mut runner = body(rate);
            runner.velocity = Point::new(RUN_SPEED, -GRAIN);
            assert_eq!(coast(&runner, 1), Point::new(RUN_SPEED, -GRAIN), "at {rate} Hz");
        }
    }

    #[test]
    fn gaining_speed_takes_as_long_at_any_rate() {
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
    fn a_dash_goes_far_and_must_wait_for_the_next() {
        let map = Map::from_seed(3);
        let mut dasher = body(60);
        let dash = Input { dash: true, ..EAST };
        advance(&mut dasher, &dash, &map);
        assert!(dasher.is_dashing());
        (0..20).for_each(|_| advance(&mut dasher, &dash, &map));
        assert!(!dasher.is_dashing(), "it is over after {DASH_MS} ms");
        assert!(dasher.dash_wait > 0, "and the next one has to wait");
    }

    proptest! {
        #[test]
        fn no_way_leads_into_a_wall(
            seed in 0..40u64,
            rate in 1..=128u16,
            ways in proptest::collection::vec((any::<i8>(), any::<i8>(), any::<bool>()), 1..40),
        ) {
            let map = Map::from_seed(seed);
            let at = map.spawns().next().unwrap();
            let mut body = Body::standing(at, Angle(0), Tick(0), TickRate::new(rate).unwrap());
            for (move_x, move_y, dash) in ways {
                let input = Input { move_x, move_y, dash, ..EAST };
                (0..8).for_each(|_| advance(&mut body, &input, &map));
                prop_assert!(map.fits(body.at, Fighter::RADIUS - 2), "inside a wall at {:?}", body.at);
            }
        }

        #[test]
        fn steady_running_is_exactly_what_was_extrapolated(
            rate in 1..=128u16, ticks in 1..64u32, x in -190..190i32, y in -190..190i32,
        ) {
            let mut runner = body(rate);
            runner.velocity = from_grains(Point::new(x, y));
            let mut stepped = runner.clone();
            for _ in 0..ticks {
                stepped = stepped.coasted(1);
            }
            prop_assert_eq!(stepped, runner.coasted(ticks));
        }
    }
}
