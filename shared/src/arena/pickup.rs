//! Things on the floor that are worth a detour. Taken, they are back after some seconds.

use super::{
    coding::{read_if_new, read_place, read_var, write_if_new, write_place},
    fighter::Fighter,
    kit::Kit,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Point, UNIT},
};

/// One pickup's place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pickup {
    /// Where it lies.
    pub at: Point,
    /// What it gives.
    pub kind: PickupKind,
    /// Ticks until it is back; 0 when it is there.
    pub away_ticks: u16,
}

/// What a pickup gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum PickupKind {
    /// Half of a fighter's health.
    Health,
    /// Half of what armour can be worn.
    Armour,
    /// A dozen bolts and arrows.
    Quiver,
}

impl Pickup {
    /// How near a fighter's middle must come to take it, in 1/256 unit.
    pub const REACH: i32 = UNIT;

    /// Whether it can be taken.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.away_ticks == 0
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        write_place(self.at, out);
        self.kind.encode(out);
        out.write_var(u32::from(self.away_ticks), AWAY_ORDER);
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            at: read_place(from)?,
            kind: PickupKind::decode(from)?,
            away_ticks: read_var(AWAY_ORDER, from)?,
        })
    }

    /// Itself later.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let ticks = u16::try_from(ticks).unwrap_or(u16::MAX);
        Self { away_ticks: self.away_ticks.saturating_sub(ticks), ..self.clone() }
    }

    /// Only whether it is there ever changes; a place or kind that differs is another pickup and travels whole.
    pub(super) fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        let is_same = (self.at, self.kind) == (expected.at, expected.kind);
        out.write_bool(is_same);
        if is_same {
            write_if_new(self.away_ticks, expected.away_ticks, AWAY_ORDER, out);
        } else {
            self.encode(out);
        }
    }

    pub(super) fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        if from.read_bool()? {
            let away_ticks = read_if_new(expected.away_ticks, AWAY_ORDER, from)?;
            Ok(Self { away_ticks, ..expected.clone() })
        } else {
            Self::decode(from)
        }
    }
}

impl PickupKind {
    /// All of them, in the order in which a map's places are dealt out.
    pub const ALL: [Self; 3] = [Self::Health, Self::Armour, Self::Quiver];

    /// What lies at a map's n-th place for pickups. Places come in mirrored pairs, and a pair gives the same.
    #[must_use]
    pub const fn of_place(place: usize) -> Self {
        Self::ALL[place / 2 % Self::ALL.len()]
    }

    /// How much health, armour or quiver it adds.
    const fn amount(self) -> u8 {
        match self {
            Self::Health => 50,
            Self::Armour => 30,
            Self::Quiver => 12,
        }
    }

    /// Gives what it gives; false when the fighter has all that it can carry.
    pub(super) fn give(self, fighter: &mut Fighter, kit: &mut Kit) -> bool {
        let (have, most) = match self {
            Self::Health => (&mut fighter.health, Fighter::MOST_HEALTH),
            Self::Armour => (&mut fighter.armour, Fighter::MOST_ARMOUR),
            Self::Quiver => (&mut kit.quiver, Kit::MOST_QUIVER),
        };
        let is_wanted = *have < most;
        *have = most.min(have.saturating_add(self.amount())).max(*have);
        is_wanted
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
