//! Ids of seats, rooms, players and entities. Each is a number in its own type, so that the compiler catches mix-ups.

use std::{fmt, num::ParseIntError, str::FromStr};

use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// A seat in a room, counted from 0. A seat outlives the connection of its player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SeatId(pub u16);

impl SeatId {
    /// This seat's index in a list with one element per seat.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SeatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Bits for SeatId {
    fn encode(&self, out: &mut BitWriter) {
        out.write_var(u32::from(self.0), 4);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let seat = from.read_var(4)?;
        u16::try_from(seat).map(Self).map_err(|_| BitsError::OutOfRange)
    }
}

/// A room of one server. Rooms are numbered from 1 in the order in which they open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for RoomId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A player of one server. Players are numbered from 1 in the order in which they connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub u64);

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A replicated entity. The generation distinguishes successive entities in one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct EntityId {
    /// The index of its slot in [`Entities`](crate::game::Entities).
    pub slot: u16,
    /// The number of entities that were in that slot before it, modulo 65,536.
    pub generation: u16,
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

impl Bits for EntityId {
    fn encode(&self, out: &mut BitWriter) {
        out.write_var(u32::from(self.slot), 6);
        out.write_var(u32::from(self.generation), 3);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let slot = u16::try_from(from.read_var(6)?).map_err(|_| BitsError::OutOfRange)?;
        let generation = u16::try_from(from.read_var(3)?).map_err(|_| BitsError::OutOfRange)?;
        Ok(Self { slot, generation })
    }
}
