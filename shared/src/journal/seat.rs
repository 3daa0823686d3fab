//! Seats taken, left and resumed, with the data that returns a seat to its player after a restart.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::Occupant,
    id::{PlayerId, SeatId},
    journal::SeatChange,
    limits::MAX_NAME_BYTES,
    protocol::{TicketNumber, messages::Name},
};

/// The player or bot on a seat, as the journal stores it. Unrelated to a *held* seat, whose player is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The display name.
    pub name: Name,
    /// The player's id and the number of the newest resume ticket that the player used; `None` for a bot.
    pub player: Option<(PlayerId, TicketNumber)>,
}

/// A change of a seat in one tick, with the data that a restore needs. The game receives it as a [`SeatChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatEntry {
    /// The seat has a new holder.
    Taken(SeatId, Holder),
    /// The seat is empty again.
    Left(SeatId),
    /// The player resumed the seat on another connection with this ticket. The game does not receive this change.
    Resumed(SeatId, TicketNumber),
}

impl Holder {
    /// Returns the holder as the game receives it.
    #[must_use]
    pub const fn occupant(&self) -> Occupant {
        if self.player.is_some() { Occupant::Player } else { Occupant::Bot }
    }
}

impl SeatEntry {
    /// Returns the seat that changed.
    #[must_use]
    pub const fn seat(&self) -> SeatId {
        match self {
            Self::Taken(seat, _) | Self::Left(seat) | Self::Resumed(seat, _) => *seat,
        }
    }

    /// Returns the change as the game receives it; `None` for a resume, which the game does not receive.
    #[must_use]
    pub const fn change(&self) -> Option<SeatChange> {
        match self {
            Self::Taken(seat, holder) => Some(SeatChange::Taken(*seat, holder.occupant())),
            Self::Left(seat) => Some(SeatChange::Left(*seat)),
            Self::Resumed(..) => None,
        }
    }

    /// Applies the change to a list of holders, indexed by seat. A seat outside of the list is ignored.
    pub fn apply(self, holders: &mut [Option<Holder>]) {
        match self {
            Self::Taken(seat, holder) => {
                if let Some(place) = holders.get_mut(seat.index()) {
                    *place = Some(holder);
                }
            }
            Self::Left(seat) => {
                if let Some(place) = holders.get_mut(seat.index()) {
                    *place = None;
                }
            }
            Self::Resumed(seat, newest) => {
                let holder = holders.get_mut(seat.index()).and_then(Option::as_mut);
                if let Some((_, ticket)) = holder.and_then(|holder| holder.player.as_mut()) {
                    *ticket = newest;
                }
            }
        }
    }
}

impl Bits for Holder {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.name.len() as u32, LENGTH_BITS);
        self.name.bytes().for_each(|byte| out.write_bits(u32::from(byte), 8));
        out.write_bool(self.player.is_some());
        if let Some((player, ticket)) = self.player {
            out.write_u64(player.0);
            ticket.encode(out);
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let length = from.read_bits(LENGTH_BITS)? as usize;
        if length > MAX_NAME_BYTES {
            return Err(BitsError::OutOfRange);
        }
        let bytes: Vec<u8> =
            (0..length).map(|_| Ok(from.read_bits(8)? as u8)).collect::<Result<_, BitsError>>()?;
        // Cleaned, because a journal of an older server may contain a name that was not.
        let name = Name::from_bytes(&bytes).ok_or(BitsError::OutOfRange)?;
        let player = if from.read_bool()? {
            Some((PlayerId(from.read_u64()?), TicketNumber::decode(from)?))
        } else {
            None
        };
        Ok(Self { name, player })
    }
}

impl Bits for TicketNumber {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.run, 32);
        out.write_bits(self.count, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { run: from.read_bits(32)?, count: from.read_bits(32)? })
    }
}

impl Bits for SeatEntry {
    fn encode(&self, out: &mut BitWriter) {
        let (kind, seat) = match self {
            Self::Taken(seat, _) => (0, seat),
            Self::Left(seat) => (1, seat),
            Self::Resumed(seat, _) => (2, seat),
        };
        out.write_bits(kind, KIND_BITS);
        seat.encode(out);
        match self {
            Self::Taken(_, holder) => holder.encode(out),
            Self::Left(_) => {}
            Self::Resumed(_, ticket) => ticket.encode(out),
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let kind = from.read_bits(KIND_BITS)?;
        let seat = SeatId::decode(from)?;
        match kind {
            0 => Ok(Self::Taken(seat, Holder::decode(from)?)),
            1 => Ok(Self::Left(seat)),
            2 => Ok(Self::Resumed(seat, TicketNumber::decode(from)?)),
            _ => Err(BitsError::OutOfRange),
        }
    }
}

/// The number of bits of a name's length: enough for [`MAX_NAME_BYTES`].
const LENGTH_BITS: u32 = 5;

const KIND_BITS: u32 = 2;
