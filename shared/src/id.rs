//! Who is who: seats, rooms, players, entities. Plain numbers, each in a type of its own so that none is taken for another.

use std::{fmt, num::ParseIntError, str::FromStr};

use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// A place in a room, counted from 0. It outlives the connection that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SeatId(pub u16);

impl SeatId {
    /// This seat's place in a list with one element a seat.
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

/// One room of one server. Rooms are numbered in the order in which they open, from 1.
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

/// One player as this server knows them, numbered in the order in which they came, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub u64);

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One replicated thing. The generation tells a slot's new tenant from the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct EntityId {
    /// Which slot of [`Entities`](crate::game::Entities) it lives in.
    pub slot: u16,
    /// How many things lived in that slot before it, modulo 65,536.
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
