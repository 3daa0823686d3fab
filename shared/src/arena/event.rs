//! Arena's events, each with its audience: sent once, in order, and only to the seats that may know of it.

use super::{
    coding::{read_position, write_position},
    map::Map,
    pickup::PickupKind,
    team::Team,
    weapon::Weapon,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, GameMetric, Outbox, Point, UNIT},
    id::SeatId,
};

/// An event of the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Event {
    /// A weapon was fired. Sent to the shooter and the seats that see the fighter.
    Fired {
        /// The seat that fired.
        seat: SeatId,
        /// The weapon that was fired.
        weapon: Weapon,
        /// Direction of aim. The range of an arrow is left out: it would reveal the position of an unseen fighter.
        aim: Angle,
    },
    /// A weapon was fired out of sight. Sent to the seats in earshot that do not see the shooter.
    Sound {
        /// The weapon that was fired.
        weapon: Weapon,
        /// Centre of the [`Self::SOUND_CELL`] of the shooter: reveals neither the shooter, nor the exact position, nor the
        /// aim.
        near: Point,
    },
    /// A hit. Sent to both seats.
    Hit {
        /// The attacker.
        by: SeatId,
        /// The seat that was hit.
        victim: SeatId,
        /// The attacker's weapon.
        weapon: Weapon,
        /// The weapon's damage, shared between health and armour; more than was lost when the fighter had less left.
        damage: u8,
    },
    /// A fighter was eliminated. Sent to all seats.
    Eliminated {
        /// The attacker.
        by: SeatId,
        /// The seat that was eliminated.
        victim: SeatId,
        /// The attacker's weapon.
        weapon: Weapon,
    },
    /// A fighter respawned. Sent to its seat and the seats that see the position.
    Respawned {
        /// The seat of the fighter.
        seat: SeatId,
        /// Its position.
        at: Point,
    },
    /// A pickup was taken. Sent to the collector and the seats that see the pickup.
    PickupTaken {
        /// The seat that took it.
        seat: SeatId,
        /// The kind of the pickup.
        kind: PickupKind,
    },
    /// A match began. Sent to all seats.
    MatchStarted {
        /// Seed of its map.
        seed: u64,
    },
    /// A match ended. Sent to all seats.
    MatchEnded {
        /// Its winner.
        winner: Winner,
    },
}

/// The winner of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Winner {
    /// No winner, because no single fighter or team leads.
    Draw,
    /// One fighter.
    Seat(SeatId),
    /// One team.
    Team(Team),
}

/// The outbox of a tick's events.
pub(super) type Events = Outbox<Event>;

impl Event {
    /// Side of the square cells that a sound's position is rounded to, in 1/256 unit: eight units. A cell is precise enough
    /// to choose the wall to look behind, and three times as wide as a dash, so it is useless for aiming.
    pub const SOUND_CELL: i32 = 8 * UNIT;

    /// The sound of a weapon fired at `at`.
    pub(super) const fn sound(weapon: Weapon, at: Point) -> Self {
        Self::Sound { weapon, near: SoundCell::of(at).centre() }
    }

    /// The metric that this event counts for `seat`. The end of a match counts for every seat.
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
                encode_hit(by, victim, weapon, out);
                out.write_bits(damage.into(), 8);
            }
            Self::Eliminated { by, victim, weapon } => {
                out.write_bits(2, TAG_BITS);
                encode_hit(by, victim, weapon, out);
            }
            Self::Respawned { seat, at } => {
                out.write_bits(3, TAG_BITS);
                seat.encode(out);
                write_position(at, out);
            }
            Self::PickupTaken { seat, kind } => {
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
            Self::Sound { weapon, near } => {
                out.write_bits(7, TAG_BITS);
                weapon.encode(out);
                SoundCell::of(near).encode(out);
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
                let (by, victim, weapon) = decode_hit(from)?;
                Self::Hit { by, victim, weapon, damage: from.read_bits(8)? as u8 }
            }
            2 => {
                let (by, victim, weapon) = decode_hit(from)?;
                Self::Eliminated { by, victim, weapon }
            }
            3 => Self::Respawned { seat: SeatId::decode(from)?, at: read_position(from)? },
            4 => Self::PickupTaken { seat: SeatId::decode(from)?, kind: PickupKind::decode(from)? },
            5 => Self::MatchStarted { seed: from.read_u64()? },
            6 => Self::MatchEnded { winner: Winner::decode(from)? },
            7 => Self::Sound { weapon: Weapon::decode(from)?, near: SoundCell::decode(from)?.centre() },
            _ => return Err(BitsError::OutOfRange),
        })
    }
}

/// A cell of the sound grid: the finest position that the wire can express for a sound.
#[derive(Clone, Copy)]
struct SoundCell {
    column: i32,
    row: i32,
}

impl SoundCell {
    const COLUMNS: i32 = Map::EXTENT.x / Event::SOUND_CELL;
    const ROWS: i32 = Map::EXTENT.y / Event::SOUND_CELL;

    const fn of(at: Point) -> Self {
        let side = Event::SOUND_CELL;
        Self { column: at.x.div_euclid(side), row: at.y.div_euclid(side) }
    }

    const fn centre(self) -> Point {
        let side = Event::SOUND_CELL;
        Point::new(self.column * side + side / 2, self.row * side + side / 2)
    }
}

impl Bits for SoundCell {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.column.clamp(0, Self::COLUMNS - 1) as u32, COLUMN_BITS);
        out.write_bits(self.row.clamp(0, Self::ROWS - 1) as u32, ROW_BITS);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let (column, row) = (from.read_bits(COLUMN_BITS)? as i32, from.read_bits(ROW_BITS)? as i32);
        if column >= Self::COLUMNS { Err(BitsError::OutOfRange) } else { Ok(Self { column, row }) }
    }
}

/// Twelve columns of cells.
const COLUMN_BITS: u32 = 4;
/// Eight rows of cells.
const ROW_BITS: u32 = 3;

const _: () = assert!(SoundCell::COLUMNS <= 1 << COLUMN_BITS && SoundCell::ROWS == 1 << ROW_BITS);

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

fn encode_hit(by: SeatId, victim: SeatId, weapon: Weapon, out: &mut BitWriter) {
    by.encode(out);
    victim.encode(out);
    weapon.encode(out);
}

fn decode_hit(from: &mut BitReader<'_>) -> Result<(SeatId, SeatId, Weapon), BitsError> {
    Ok((SeatId::decode(from)?, SeatId::decode(from)?, Weapon::decode(from)?))
}
