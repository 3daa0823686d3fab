//! A fighter's body: position and motion, and their extrapolation over time.
//!
//! Speeds are per second, and a tick covers `1/hz` of one, so a room plays alike at any rate, for two reasons: at a low
//! tick rate a tick is divided into substeps (so walls stop a fighter at 1 Hz too), and `phase` counts the substeps of the
//! second, so that the fractions of a subunit (1/256 unit) that one substep drops are added by another. Straight running is
//! therefore exactly predictable, and a correctly predicted fighter costs one bit on the wire.

use crate::{
    game::{Angle, Point, UNIT},
    tick::{Tick, TickRate},
};

/// Position and motion of a fighter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Body {
    /// Position of the centre.
    pub at: Point,
    /// Velocity, in 1/256 unit a second; always a multiple of [`VELOCITY_STEP`].
    pub velocity: Point,
    /// Direction of aim.
    pub aim: Angle,
    /// Substeps until the next dash is possible; the dash itself takes the first substeps of this cooldown.
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
/// Duration of a dash, in milliseconds.
pub(super) const DASH_MS: u32 = 160;
/// Time from the start of one dash to the next, in milliseconds.
pub(super) const DASH_COOLDOWN_MS: u32 = 1500;
/// Minimum number of substeps in a second: a dash then moves by 0.27 units at once, less than a fighter's radius.
const MIN_SUBSTEPS_PER_S: u16 = 60;

impl Body {
    /// Radius of a body, in 1/256 unit: 0.45 units.
    pub(super) const RADIUS: i32 = UNIT * 45 / 100;

    /// Creates a body at rest, as it is at the end of this tick.
    pub(super) const fn at_rest(at: Point, aim: Angle, tick: Tick, rate: TickRate) -> Self {
        let phase = phase_after(tick, rate);
        Self { at, velocity: Point::new(0, 0), aim, dash_wait: 0, phase, rate }
    }

    /// Returns the body `ticks` later if its velocity stays the same and no wall stops it.
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

/// A velocity in multiples of [`VELOCITY_STEP`], for the wire.
pub(super) const fn to_steps(velocity: Point) -> Point {
    Point::new(velocity.x / VELOCITY_STEP, velocity.y / VELOCITY_STEP)
}

/// The inverse of [`to_steps`].
pub(super) const fn from_steps(steps: Point) -> Point {
    Point::new(steps.x.wrapping_mul(VELOCITY_STEP), steps.y.wrapping_mul(VELOCITY_STEP))
}

/// Index of the substep that follows this tick.
const fn phase_after(tick: Tick, rate: TickRate) -> u8 {
    (tick.0 % rate.hz() as u32 * substeps(rate) as u32) as u8
}

/// The share of `per_second` that falls on the substeps from `start` to `end`: sums of consecutive spans are exact.
pub(super) const fn share_between(per_second: i32, start: i64, end: i64, substeps_per_s: i64) -> i64 {
    let whole = per_second as i64;
    (whole * end).div_euclid(substeps_per_s) - (whole * start).div_euclid(substeps_per_s)
}

/// Substeps in a tick.
pub(super) const fn substeps(rate: TickRate) -> u16 {
    MIN_SUBSTEPS_PER_S.div_ceil(rate.hz())
}

/// Substeps in a second: 60 to 128.
pub(super) const fn substeps_per_s(rate: TickRate) -> u16 {
    substeps(rate) * rate.hz()
}

/// A duration in substeps, rounded down.
pub(super) const fn in_substeps(ms: u32, rate: TickRate) -> u16 {
    (ms * substeps_per_s(rate) as u32 / 1000) as u16
}
