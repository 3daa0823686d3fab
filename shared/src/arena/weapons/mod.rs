//! The three weapons, and the one hand that holds them: what pulling a trigger does to a fighter's own state.
//!
//! Whom a weapon strikes is asked of those handed in, never of the world as it stands: lag compensation judges a shot by
//! handing in where the shooter saw everybody, and a client asks the same of what its screen shows.

mod crossbow;
pub(super) mod longbow;
pub(super) mod sword;

use super::{fighter::Fighter, input::Input, kit::Kit, map::Map, team::Allegiance};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::Point,
    id::SeatId,
    tick::TickRate,
};

/// A weapon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum Weapon {
    /// Its bolt flies and can be dodged.
    #[default]
    Crossbow,
    /// Drawn while the trigger is held, strikes at once when it is let go.
    Longbow,
    /// Sweeps an arc nearby; needs no quiver.
    Sword,
}

/// Where somebody stands, as far as a blow that lands at once is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Who.
    pub who: Allegiance,
    /// Where.
    pub at: Point,
}

/// Where somebody was and is, as far as a bolt in flight is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pose {
    /// Whose it is.
    pub allegiance: Allegiance,
    /// Where the tick found it.
    pub was: Point,
    /// Where the tick left it.
    pub at: Point,
}

impl Weapon {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Crossbow, Self::Longbow, Self::Sword];

    /// How much a blow takes from health and armour together.
    #[must_use]
    pub const fn damage(self) -> u8 {
        match self {
            Self::Crossbow => 50,
            Self::Longbow => 70,
            Self::Sword => 60,
        }
    }

    /// How long after its use no weapon can be used, in milliseconds.
    #[must_use]
    pub const fn recovery_ms(self) -> u32 {
        match self {
            Self::Crossbow => 500,
            Self::Longbow => 400,
            Self::Sword => 450,
        }
    }
}

/// Works a fighter's hands for one tick. True when the weapon in hand goes off.
pub(super) fn work(fighter: &mut Fighter, kit: &mut Kit, input: &Input, rate: TickRate) -> bool {
    kit.busy_ticks = kit.busy_ticks.saturating_sub(1);
    if fighter.weapon != input.weapon {
        fighter.weapon = input.weapon;
        kit.drawn_ticks = 0;
    }
    let goes_off = match fighter.weapon {
        Weapon::Crossbow => crossbow::is_shot(kit, input),
        Weapon::Longbow => longbow::is_loosed(kit, input, rate),
        Weapon::Sword => sword::is_swung(kit, input),
    };
    if goes_off {
        kit.busy_ticks = rate.ticks(fighter.weapon.recovery_ms()) as u16;
    }
    fighter.is_drawing = kit.drawn_ticks > 0;
    goes_off
}

/// Lets go of whatever the hands are at.
pub(super) const fn lower(fighter: &mut Fighter, kit: &mut Kit) {
    fighter.is_drawing = false;
    kit.drawn_ticks = 0;
    kit.busy_ticks = 0;
}

/// Whether this input looses an arrow in the coming tick, if weapons are at work: the match is played. A client that knows its
/// own fighter and kit can tell.
#[must_use]
pub fn looses_arrow(fighter: &Fighter, kit: &Kit, input: &Input, rate: TickRate) -> bool {
    let goes_off = work(&mut fighter.clone(), &mut kit.clone(), input, rate);
    goes_off && input.weapon == Weapon::Longbow && fighter.is_alive()
}

/// Whom an arrow strikes that `shooter` looses from where it is to where it aims, if the others are where they are said to be.
/// The room asks this of where the shooter saw them, and a client of what it draws.
#[must_use]
pub fn arrow_target<'a>(
    map: &Map,
    shooter: &Fighter,
    others: impl Iterator<Item = &'a Fighter>,
) -> Option<SeatId> {
    let standing = others
        .filter(|other| other.is_alive())
        .map(|other| Standing { who: other.allegiance(), at: other.body.at });
    let struck = longbow::strike(map, standing, shooter.allegiance(), shooter.body.at, shooter.body.aim);
    struck.map(|victim| victim.seat)
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
