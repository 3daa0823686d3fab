//! The facts of Arena: what must be told once, in order, and to whom it may be told.

use super::{
    coding::{read_place, write_place},
    map::Map,
    pickup::PickupKind,
    team::Team,
    weapons::Weapon,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, GameMetric, Point, UNIT},
    id::SeatId,
};

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
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
    /// A weapon was used somewhere. Told to those who hear it and do not see who it was.
    Heard {
        /// Which one.
        weapon: Weapon,
        /// The middle of the [`Self::HEARD_WITHIN`] in which it was: neither who it was nor exactly where, and not where it was
        /// aimed.
        near: Point,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Winner {
    /// Nobody, or several with the same score.
    Draw,
    /// One fighter.
    Seat(SeatId),
    /// One team.
    Team(Team),
}

impl Event {
    /// How finely a sound is placed, in 1/256 unit: squares of eight units. That says behind which wall to look, and is three
    /// times as wide as a dash goes, so that nobody can aim by it.
    pub const HEARD_WITHIN: i32 = 8 * UNIT;

    /// The sound of a weapon that was used at `at`, as it is told.
    pub(super) const fn heard(weapon: Weapon, at: Point) -> Self {
        Self::Heard { weapon, near: Square::of(at).middle() }
    }

    /// What this says that `seat` did. A match's end is a deed of everybody's.
    #[must_use]
    pub fn metric(&self, seat: SeatId) -> Option<GameMetric> {
        match *self {
            Self::Fired { seat: who, .. } if who == seat => Some(GameMetric::Shot),
            Self::Hit { by, .. } if by == seat => Some(GameMetric::Hit),
            Self::Eliminated { by, .. } if by == seat => Some(GameMetric::Elimination),
            Self::MatchEnded { .. } => Some(GameMetric::MatchFinished),
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
            Self::Heard { weapon, near } => {
                out.write_bits(7, TAG_BITS);
                weapon.encode(out);
                Square::of(near).encode(out);
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
            7 => Self::Heard { weapon: Weapon::decode(from)?, near: Square::decode(from)?.middle() },
            _ => return Err(BitsError::OutOfRange),
        })
    }
}

/// One of the squares that sounds are told in: the wire has no finer place for them.
#[derive(Clone, Copy, serde::Serialize)]
struct Square {
    column: i32,
    row: i32,
}

impl Square {
    const COLUMNS: i32 = Map::EXTENT.x / Event::HEARD_WITHIN;
    const ROWS: i32 = Map::EXTENT.y / Event::HEARD_WITHIN;

    const fn of(at: Point) -> Self {
        let side = Event::HEARD_WITHIN;
        Self { column: at.x.div_euclid(side), row: at.y.div_euclid(side) }
    }

    const fn middle(self) -> Point {
        let side = Event::HEARD_WITHIN;
        Point::new(self.column * side + side / 2, self.row * side + side / 2)
    }
}

impl Bits for Square {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.column.clamp(0, Self::COLUMNS - 1) as u32, COLUMN_BITS);
        out.write_bits(self.row.clamp(0, Self::ROWS - 1) as u32, ROW_BITS);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let (column, row) = (from.read_bits(COLUMN_BITS)? as i32, from.read_bits(ROW_BITS)? as i32);
        if column >= Self::COLUMNS { Err(BitsError::OutOfRange) } else { Ok(Self { column, row }) }
    }
}

/// Twelve columns of squares.
const COLUMN_BITS: u32 = 4;
/// Eight rows.
const ROW_BITS: u32 = 3;

const _: () = assert!(Square::COLUMNS <= 1 << COLUMN_BITS && Square::ROWS == 1 << ROW_BITS);

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
