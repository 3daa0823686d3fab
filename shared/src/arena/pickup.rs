//! A pickup on the floor. Once taken, it is available again after some seconds.

use super::{
    coding::{read_if_changed, read_position, read_var, write_if_changed, write_position},
    fighter::Fighter,
    kit::Kit,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Point, UNIT},
};

/// The state of one pickup.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pickup {
    /// Its position.
    pub at: Point,
    /// Its effect.
    pub kind: PickupKind,
    /// Ticks until it is available again; 0 when it is available.
    pub away_ticks: u16,
}

/// The effect of a pickup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum PickupKind {
    /// Half of the maximum health.
    Health,
    /// Half of the maximum armour.
    Armour,
    /// A dozen bolts and arrows.
    Quiver,
}

impl Pickup {
    /// Maximum distance from a fighter's centre at which it is taken, in 1/256 unit.
    pub const REACH: i32 = UNIT;

    /// Whether it can be taken.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        self.away_ticks == 0
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        write_position(self.at, out);
        self.kind.encode(out);
        out.write_var(u32::from(self.away_ticks), AWAY_ORDER);
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            at: read_position(from)?,
            kind: PickupKind::decode(from)?,
            away_ticks: read_var(AWAY_ORDER, from)?,
        })
    }

    /// A copy `ticks` later.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let ticks = u16::try_from(ticks).unwrap_or(u16::MAX);
        Self { away_ticks: self.away_ticks.saturating_sub(ticks), ..self.clone() }
    }

    /// Only the availability ever changes; a different position or kind is another pickup and is written as a full state.
    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        let is_same = (self.at, self.kind) == (expected.at, expected.kind);
        out.write_bool(is_same);
        if is_same {
            write_if_changed(self.away_ticks, expected.away_ticks, AWAY_ORDER, out);
        } else {
            self.encode(out);
        }
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        if from.read_bool()? {
            let away_ticks = read_if_changed(expected.away_ticks, AWAY_ORDER, from)?;
            Ok(Self { away_ticks, ..expected.clone() })
        } else {
            Self::decode(from)
        }
    }
}

impl PickupKind {
    /// All kinds, in the order in which they are assigned to a map's positions.
    pub const ALL: [Self; 3] = [Self::Health, Self::Armour, Self::Quiver];

    /// The kind at a map's n-th pickup position. Positions come in mirrored pairs, and both of a pair have the same kind.
    #[must_use]
    pub const fn at_index(index: usize) -> Self {
        Self::ALL[index / 2 % Self::ALL.len()]
    }

    /// Health, armour or quiver that it adds.
    const fn amount(self) -> u8 {
        match self {
            Self::Health => 50,
            Self::Armour => 30,
            Self::Quiver => 12,
        }
    }

    /// Applies the effect; false when the fighter already has the maximum.
    pub(super) fn apply(self, fighter: &mut Fighter, kit: &mut Kit) -> bool {
        let (have, max) = match self {
            Self::Health => (&mut fighter.health, Fighter::MAX_HEALTH),
            Self::Armour => (&mut fighter.armour, Fighter::MAX_ARMOUR),
            Self::Quiver => (&mut kit.quiver, Kit::MAX_QUIVER),
        };
        let is_useful = *have < max;
        *have = max.min(have.saturating_add(self.amount())).max(*have);
        is_useful
    }
}

impl Bits for PickupKind {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(*self as u32, KIND_BITS);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::ALL.get(from.read_bits(KIND_BITS)? as usize).copied().ok_or(BitsError::OutOfRange)
    }
}

const KIND_BITS: u32 = 2;
/// Ten seconds at 30 Hz are 300 ticks.
const AWAY_ORDER: u32 = 6;
