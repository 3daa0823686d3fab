//! A fighter: the state visible to every seat in line of sight.

use super::{
    body::{self, Body},
    coding::{
        read_displacement, read_if_changed, read_position, read_rate, write_displacement, write_if_changed,
        write_position, write_rate,
    },
    input::Input,
    map::Map,
    movement,
    team::{Allegiance, Team},
    weapon::Weapon,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Point},
    id::SeatId,
};

/// A fighter. An eliminated fighter stays an entity, at the position where it fell, until it respawns.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fighter {
    /// The seat that owns it.
    pub seat: SeatId,
    /// Its team; `None` in a free-for-all.
    pub team: Option<Team>,
    /// Position and motion.
    pub body: Body,
    /// The weapon in hand.
    pub weapon: Weapon,
    /// Whether it is drawing a longbow.
    pub is_drawing: bool,
    /// Health: 0 (eliminated) to [`Self::MAX_HEALTH`].
    pub health: u8,
    /// Armour: absorbs half of each hit while it lasts, 0 to [`Self::MAX_ARMOUR`].
    pub armour: u8,
    /// Number of respawns, modulo 256: distinguishes a respawn from fast motion.
    pub life: u8,
}

impl Fighter {
    /// Radius of a fighter, in 1/256 unit.
    pub const RADIUS: i32 = Body::RADIUS;
    /// Health after a respawn.
    pub const MAX_HEALTH: u8 = 100;
    /// Maximum armour.
    pub const MAX_ARMOUR: u8 = 60;

    /// Whether the fighter has health left, that is, is not eliminated.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.health > 0
    }

    /// Its seat and team.
    #[must_use]
    pub const fn allegiance(&self) -> Allegiance {
        Allegiance { seat: self.seat, team: self.team }
    }

    /// Moves the fighter by one tick. An eliminated one lies still, but its phase advances too, because the phase encodes
    /// the time.
    pub(super) fn step(&mut self, input: &Input, map: &Map) {
        if self.is_alive() {
            movement::advance(&mut self.body, input, map);
        } else {
            self.body = self.body.extrapolate(1);
        }
    }

    /// Applies a hit, of which the armour absorbs half while it lasts. Returns true when the health reaches zero.
    pub(super) fn apply_damage(&mut self, damage: u8) -> bool {
        let absorbed = self.armour.min(damage / 2);
        self.armour -= absorbed;
        self.health = self.health.saturating_sub(damage - absorbed);
        self.health == 0
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        self.team.encode(out);
        write_position(self.body.at, out);
        write_displacement(body::to_steps(self.body.velocity), WHOLE_VELOCITY_ORDER, out);
        out.write_bits(u32::from(self.body.aim.0), 16);
        out.write_var(u32::from(self.body.dash_wait), DASH_ORDER);
        out.write_bits(u32::from(self.body.phase), PHASE_BITS);
        write_rate(self.body.rate, out);
        self.weapon.encode(out);
        out.write_bool(self.is_drawing);
        out.write_bits(u32::from(self.health), HEALTH_BITS);
        out.write_bits(u32::from(self.armour), HEALTH_BITS);
        out.write_bits(u32::from(self.life), LIFE_BITS);
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            seat: SeatId::decode(from)?,
            team: Option::decode(from)?,
            body: Body {
                at: read_position(from)?,
                velocity: body::from_steps(read_displacement(WHOLE_VELOCITY_ORDER, from)?),
                aim: Angle(from.read_bits(16)? as u16),
                dash_wait: u16::try_from(from.read_var(DASH_ORDER)?).map_err(|_| BitsError::OutOfRange)?,
                phase: from.read_bits(PHASE_BITS)? as u8,
                rate: read_rate(from)?,
            },
            weapon: Weapon::decode(from)?,
            is_drawing: from.read_bool()?,
            health: from.read_bits(HEALTH_BITS)? as u8,
            armour: from.read_bits(HEALTH_BITS)? as u8,
            life: from.read_bits(LIFE_BITS)? as u8,
        })
    }

    /// Returns the fighter `ticks` later if its velocity stays the same and no wall stops it.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        Self { body: self.body.extrapolate(ticks), ..self.clone() }
    }

    /// Whether it was eliminated or respawned between this state and `later`.
    pub(super) const fn jumps_to(&self, later: &Self) -> bool {
        self.life != later.life || self.is_alive() != later.is_alive()
    }

    /// The state displayed at `part / whole` of the way to a later state; this state unchanged if the fighter was eliminated
    /// or respawned in between.
    pub(super) fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        if self.jumps_to(later) {
            return self.clone();
        }
        Self { body: self.body.interpolate(&later.body, part, whole), ..self.clone() }
    }

    /// A copy moved by a displacement.
    pub(super) fn displaced(&self, by: Point) -> Self {
        Self { body: Body { at: self.body.at + by, ..self.body.clone() }, ..self.clone() }
    }

    /// Motion, aim and the other fields each cost one bit when they match the prediction, which is the usual case.
    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        let (ours, theirs) = (&self.body, &expected.body);
        let moved = (ours.at, ours.velocity) != (theirs.at, theirs.velocity);
        out.write_bool(moved);
        if moved {
            write_displacement(ours.at - theirs.at, PLACE_ORDER, out);
            write_displacement(body::to_steps(ours.velocity - theirs.velocity), VELOCITY_ORDER, out);
        }
        let turn = i32::from(theirs.aim.turn_to(ours.aim));
        out.write_bool(turn != 0);
        if turn != 0 {
            out.write_signed(turn, AIM_ORDER);
        }
        let is_rest_new = self.rest() != expected.rest();
        out.write_bool(is_rest_new);
        if is_rest_new {
            self.encode_rest(expected, out);
        }
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let mut new = expected.clone();
        if from.read_bool()? {
            new.body.at = new.body.at + read_displacement(PLACE_ORDER, from)?;
            let faster = body::from_steps(read_displacement(VELOCITY_ORDER, from)?);
            new.body.velocity = new.body.velocity + faster;
        }
        if from.read_bool()? {
            new.body.aim = new.body.aim + Angle(from.read_signed(AIM_ORDER)? as u16);
        }
        if from.read_bool()? {
            new.decode_rest(from)?;
        }
        Ok(new)
    }

    /// The fields that change rarely.
    fn rest(&self) -> (SeatId, Option<Team>, u16, u8, u16, Weapon, bool, [u8; 3]) {
        let Body { dash_wait, phase, rate, .. } = self.body;
        let Self { seat, team, weapon, is_drawing, health, armour, life, .. } = *self;
        (seat, team, dash_wait, phase, rate.hz(), weapon, is_drawing, [health, armour, life])
    }

    fn encode_rest(&self, expected: &Self, out: &mut BitWriter) {
        self.weapon.encode(out);
        out.write_bool(self.is_drawing);
        write_if_changed(self.health, expected.health, HEALTH_ORDER, out);
        write_if_changed(self.armour, expected.armour, HEALTH_ORDER, out);
        write_if_changed(self.body.dash_wait, expected.body.dash_wait, DASH_ORDER, out);
        // The fields below change only with a respawn, or when a room is loaded into another.
        let is_other = (self.seat, self.team, self.body.phase, self.body.rate, self.life)
            != (expected.seat, expected.team, expected.body.phase, expected.body.rate, expected.life);
        out.write_bool(is_other);
        if is_other {
            out.write_bits(u32::from(self.life), LIFE_BITS);
            self.seat.encode(out);
            self.team.encode(out);
            out.write_bits(u32::from(self.body.phase), PHASE_BITS);
            write_rate(self.body.rate, out);
        }
    }

    fn decode_rest(&mut self, from: &mut BitReader<'_>) -> Result<(), BitsError> {
        self.weapon = Weapon::decode(from)?;
        self.is_drawing = from.read_bool()?;
        self.health = read_if_changed(self.health, HEALTH_ORDER, from)?;
        self.armour = read_if_changed(self.armour, HEALTH_ORDER, from)?;
        self.body.dash_wait = read_if_changed(self.body.dash_wait, DASH_ORDER, from)?;
        if from.read_bool()? {
            self.life = from.read_bits(LIFE_BITS)? as u8;
            self.seat = SeatId::decode(from)?;
            self.team = Option::decode(from)?;
            self.body.phase = from.read_bits(PHASE_BITS)? as u8;
            self.body.rate = read_rate(from)?;
        }
        Ok(())
    }
}

const LIFE_BITS: u32 = 8;
/// A running fighter makes up to 192 velocity steps.
const WHOLE_VELOCITY_ORDER: u32 = 6;
/// A tick of acceleration at 30 Hz is 64 velocity steps at most, and usually far less.
const VELOCITY_ORDER: u32 = 5;
/// A tick of acceleration at 30 Hz shifts the position by up to 17 subunits.
const PLACE_ORDER: u32 = 4;
/// A player turns by some degrees a tick: 2^9 is about three degrees.
const AIM_ORDER: u32 = 9;
const HEALTH_BITS: u32 = 8;
const HEALTH_ORDER: u32 = 6;
/// A dash cools down for up to about 150 substeps.
const DASH_ORDER: u32 = 5;
/// A second has at most 128 substeps.
const PHASE_BITS: u32 = 8;
