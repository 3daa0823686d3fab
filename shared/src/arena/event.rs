//! The facts of Arena: what must be told once, in order, and to whom it may be told.

use super::{
    coding::{read_place, write_place},
    pickup::PickupKind,
    team::Team,
    weapons::Weapon,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Deed, Point},
    id::SeatId,
};

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A weapon was used. Told to those who see the fighter.
    Fired {
        /// Who used it.
        seat: SeatId,
        /// Which one.
        weapon: Weapon,
        /// Where it was aimed. How far an arrow flew is not told: it would show where somebody unseen stands.
        aim: Angle,
    },
    /// A blow landed. Told to both.
    Hit {
        /// Who struck.
        by: SeatId,
        /// Who was struck.
        victim: SeatId,
        /// With what.
        weapon: Weapon,
        /// Health and armour taken together.
        damage: u8,
    },
    /// Somebody was struck down. Told to all.
    Eliminated {
        /// Who struck.
        by: SeatId,
        /// Who fell.
        victim: SeatId,
        /// With what.
        weapon: Weapon,
    },
    /// Somebody appeared. Told to those who see the place.
    Respawned {
        /// Who.
        seat: SeatId,
        /// Where.
        at: Point,
    },
    /// A pickup was taken. Told to those who see it.
    Taken {
        /// By whom.
        seat: SeatId,
        /// What.
        kind: PickupKind,
    },
    /// A match began. Told to all.
    MatchStarted {
        /// What its map is made from.
        seed: u64,
    },
    /// A match ended. Told to all.
    MatchEnded {
        /// Who won.
        winner: Winner,
    },
}

/// Who won a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// Nobody, or several with the same score.
    Draw,
    /// One fighter.
    Seat(SeatId),
    /// One team.
    Team(Team),
}

impl Event {
    /// What this says that `seat` did. A match's end is a deed of everybody's.
    #[must_use]
    pub fn deed(&self, seat: SeatId) -> Option<Deed> {
        match *self {
            Self::Fired { seat: who, .. } if who == seat => Some(Deed::Shot),
            Self::Hit { by, .. } if by == seat => Some(Deed::Hit),
            Self::Eliminated { by, .. } if by == seat => Some(Deed::Elimination),
            Self::MatchEnded { .. } => Some(Deed::MatchFinished),
            _ => None,
        }
    }
}

impl Bits for Event {
    fn encode(&self, out: &mut BitWriter) {
        match *self {
            Self::Fired { seat, weapon, aim } => {
                out.write_bits(0, TAG_BITS);
                seat.encode(out);
                weapon.encode(out);
                out.write_bits(aim.0.into(), 16);
            }
            Self::Hit { by, victim, weapon, damage } => {
                out.write_bits(1, TAG_BITS);
                encode_blow(by, victim, weapon, out);
                out.write_bits(damage.into(), 8);
            }
            Self::Eliminated { by, victim, weapon } => {
                out.write_bits(2, TAG_BITS);
                encode_blow(by, victim, weapon, out);
            }
            Self::Respawned { seat, at } => {
                out.write_bits(3, TAG_BITS);
                seat.encode(out);
                write_place(at, out);
            }
            Self::Taken { seat, kind } => {
                out.write_bits(4, TAG_BITS);
                seat.encode(out);
                kind.encode(out);
            }
            Self::MatchStarted { seed } => {
                out.write_bits(5, TAG_BITS);
                out.write_u64(seed);
            }
            Self::MatchEnded { winner } => {
                out.write_bits(6, TAG_BITS);
                winner.encode(out);
            }
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(match from.read_bits(TAG_BITS)? {
            0 => Self::Fired {
                seat: SeatId::decode(from)?,
                weapon: Weapon::decode(from)?,
                aim: Angle(from.read_bits(16)? as u16),
            },
            1 => {
                let (by, victim, weapon) = decode_blow(from)?;
                Self::Hit { by, victim, weapon, damage: from.read_bits(8)? as u8 }
            }
            2 => {
                let (by, victim, weapon) = decode_blow(from)?;
                Self::Eliminated { by, victim, weapon }
            }
            3 => Self::Respawned { seat: SeatId::decode(from)?, at: read_place(from)? },
            4 => Self::Taken { seat: SeatId::decode(from)?, kind: PickupKind::decode(from)? },
            5 => Self::MatchStarted { seed: from.read_u64()? },
            6 => Self::MatchEnded { winner: Winner::decode(from)? },
            _ => return Err(BitsError::OutOfRange),
        })
    }
}

impl Bits for Winner {
    fn encode(&self, out: &mut BitWriter) {
        match self {
            Self::Draw => out.write_bits(0, WINNER_BITS),
            Self::Seat(seat) => {
                out.write_bits(1, WINNER_BITS);
                seat.encode(out);
            }
            Self::Team(team) => {
                out.write_bits(2, WINNER_BITS);
                team.encode(out);
            }
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        match from.read_bits(WINNER_BITS)? {
            0 => Ok(Self::Draw),
            1 => SeatId::decode(from).map(Self::Seat),
            2 => Team::decode(from).map(Self::Team),
            _ => Err(BitsError::OutOfRange),
        }
    }
}

const TAG_BITS: u32 = 3;
const WINNER_BITS: u32 = 2;

fn encode_blow(by: SeatId, victim: SeatId, weapon: Weapon, out: &mut BitWriter) {
    by.encode(out);
    victim.encode(out);
    weapon.encode(out);
}

fn decode_blow(from: &mut BitReader<'_>) -> Result<(SeatId, SeatId, Weapon), BitsError> {
    Ok((SeatId::decode(from)?, SeatId::decode(from)?, Weapon::decode(from)?))
}
