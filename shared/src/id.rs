//! Ids of seats, rooms, players and entities. Each has its own type, so that the compiler reports an id of the wrong kind.

use std::{fmt, num::ParseIntError, str::FromStr};

use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// The number of a seat in its room, from 0. A seat is a place in a room that one player or bot occupies; the room holds it for some time
/// when its player's connection is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct SeatId(pub u16);

impl SeatId {
    /// Returns this seat's index in a list with one element per seat.
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

/// The id of a room, unique on its server. Rooms are numbered from 1 in the order in which they open; a restarted server continues above
/// the rooms of which it still has journals.
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

/// The identity of a room among all rooms of all servers: 128 bits, as 32 hexadecimal digits in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomUid(pub u128);

impl fmt::Display for RoomUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for RoomUid {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl serde::Serialize for RoomUid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for RoomUid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The id of a player, unique in all runs of its server on one data directory: the number of the run in the high half, and in the low half
/// the number of the player in that run, from 1 in the order in which players connect. A player that resumes its seat keeps its id, also in
/// a later run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayerId(pub u64);

impl PlayerId {
    /// Returns the id of the player with this number in this run.
    #[must_use]
    pub const fn new(run: u32, number: u32) -> Self {
        Self((run as u64) << 32 | number as u64)
    }
}

/// The run and the number, as in `3.17`; the number alone for players of earlier servers, whose ids have no run.
impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 >> 32 {
            0 => write!(f, "{}", self.0),
            run => write!(f, "{run}.{}", self.0 as u32),
        }
    }
}

/// The id of a replicated entity: a slot, and a generation that distinguishes the successive entities in that slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct EntityId {
    /// The index of the entity's slot in [`Entities`](crate::game::Entities).
    pub slot: u16,
    /// The number of earlier entities in that slot, modulo 65,536. In a [reserved](crate::game::Entities::with_reserved) slot the game
    /// chooses it.
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
