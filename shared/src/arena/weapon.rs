//! The three weapons as values: damage, recovery time and encoding.

use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// One of the three weapons of every fighter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum Weapon {
    /// Fires a bolt, which can be dodged.
    #[default]
    Crossbow,
    /// Drawn while the trigger is held; hits instantly when it is released.
    Longbow,
    /// Hits an arc nearby; needs no ammunition.
    Sword,
}

impl Weapon {
    /// All weapons, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Crossbow, Self::Longbow, Self::Sword];

    /// Damage of a hit, shared between health and armour.
    #[must_use]
    pub const fn damage(self) -> u8 {
        match self {
            Self::Crossbow => 50,
            Self::Longbow => 70,
            Self::Sword => 60,
        }
    }

    /// Cooldown of all weapons after this one has fired, in milliseconds.
    #[must_use]
    pub const fn recovery_ms(self) -> u32 {
        match self {
            Self::Crossbow => 500,
            Self::Longbow => 400,
            Self::Sword => 450,
        }
    }
}

impl Bits for Weapon {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(*self as u32, WEAPON_BITS);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::ALL.get(from.read_bits(WEAPON_BITS)? as usize).copied().ok_or(BitsError::OutOfRange)
    }
}

const WEAPON_BITS: u32 = 2;
