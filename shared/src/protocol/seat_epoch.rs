//! Which of a connection's seats a datagram belongs to. A player may leave a room and join another on the same connection, while
//! datagrams and keyframes of the old seat are still on their way; ticks of two rooms must never be taken for each other.

use super::codec::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, owned_when_borrowed, refuse,
};
use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// Counts the seats of one connection, modulo 4: nothing is on its way for as long as it takes to join three more rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode)]
pub struct SeatEpoch(u8);

impl SeatEpoch {
    /// A connection's first seat.
    pub const FIRST: Self = Self(0);

    const BITS: u32 = 2;
    const COUNT: u8 = 1 << Self::BITS;

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self((self.0 + 1) % Self::COUNT)
    }
}

impl Bits for SeatEpoch {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(u32::from(self.0), Self::BITS);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self(from.read_bits(Self::BITS)? as u8))
    }
}

impl<Context> Decode<Context> for SeatEpoch {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let number = u8::decode(decoder)?;
        if number >= Self::COUNT {
            return Err(refuse("a seat_epoch is past the last one"));
        }
        Ok(Self(number))
    }
}

owned_when_borrowed!([], SeatEpoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_seats_in_a_row_are_told_apart() {
        let seats: Vec<_> =
            std::iter::successors(Some(SeatEpoch::FIRST), |seat| Some(seat.next())).take(5).collect();
        assert!((1..4).all(|n| seats[n] != seats[0]));
        assert_eq!(seats[4], seats[0]);
    }
}
