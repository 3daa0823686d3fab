//! Who sat down and left, with what it takes to give them their seat back after a restart.

use std::str;

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::Occupant,
    id::{PlayerId, SeatId},
    journal::SeatChange,
    limits::MAX_NAME_BYTES,
    protocol::{TicketNumber, messages::Name},
};

/// Who holds a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What they are called.
    pub name: Name,
    /// Who they are, and which ticket they have shown last; `None` for a bot.
    pub player: Option<(PlayerId, TicketNumber)>,
}

/// What became of a seat in one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatNote {
    /// Somebody sat down.
    Taken(SeatId, Holder),
    /// Whoever sat there is gone.
    Left(SeatId),
    /// Its player came back on another connection, for which they have shown this ticket. The game hears nothing of it.
    Back(SeatId, TicketNumber),
}

impl Holder {
    /// Who they are to the game.
    #[must_use]
    pub const fn occupant(&self) -> Occupant {
        if self.player.is_some() { Occupant::Player } else { Occupant::Bot }
    }
}

impl SeatNote {
    /// Which seat.
    #[must_use]
    pub const fn seat(&self) -> SeatId {
        match self {
            Self::Taken(seat, _) | Self::Left(seat) | Self::Back(seat, _) => *seat,
        }
    }

    /// What the game is told of it.
    #[must_use]
    pub const fn change(&self) -> Option<SeatChange> {
        match self {
            Self::Taken(seat, holder) => Some(SeatChange::Taken(*seat, holder.occupant())),
            Self::Left(seat) => Some(SeatChange::Left(*seat)),
            Self::Back(..) => None,
        }
    }

    /// Brings a list with one element a seat up to date; a seat that the room does not have changes nothing.
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
            Self::Back(seat, newest) => {
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
        let name = str::from_utf8(&bytes).ok().and_then(Name::new).ok_or(BitsError::OutOfRange)?;
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

impl Bits for SeatNote {
    fn encode(&self, out: &mut BitWriter) {
        let (kind, seat) = match self {
            Self::Taken(seat, _) => (0, seat),
            Self::Left(seat) => (1, seat),
            Self::Back(seat, _) => (2, seat),
        };
        out.write_bits(kind, KIND_BITS);
        seat.encode(out);
        match self {
            Self::Taken(_, holder) => holder.encode(out),
            Self::Left(_) => {}
            Self::Back(_, ticket) => ticket.encode(out),
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let kind = from.read_bits(KIND_BITS)?;
        let seat = SeatId::decode(from)?;
        match kind {
            0 => Ok(Self::Taken(seat, Holder::decode(from)?)),
            1 => Ok(Self::Left(seat)),
            2 => Ok(Self::Back(seat, TicketNumber::decode(from)?)),
            _ => Err(BitsError::OutOfRange),
        }
    }
}

/// Names have at most [`MAX_NAME_BYTES`] bytes.
const LENGTH_BITS: u32 = 5;

const KIND_BITS: u32 = 2;
