//! The epoch that assigns a datagram to one of a connection's successive seats. A player may leave a room and join another on the
//! same connection while datagrams and keyframes of the old seat are in flight; ticks of two rooms must never be confused.

use super::encoding::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, owned_when_borrowed, refuse,
};
use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// A counter of one connection's seats, modulo 4: no packet stays in flight while a client joins four more rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode)]
pub struct SeatEpoch(u8);

impl SeatEpoch {
    /// The epoch of a connection's first seat.
    pub const FIRST: Self = Self(0);

    const BITS: u32 = 2;
    const COUNT: u8 = 1 << Self::BITS;

    /// The epoch of the next seat.
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
            return Err(refuse("a seat epoch is out of range"));
        }
        Ok(Self(number))
    }
}

owned_when_borrowed!([], SeatEpoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_seats_in_a_row_have_different_epochs() {
        let seats: Vec<_> =
            std::iter::successors(Some(SeatEpoch::FIRST), |seat| Some(seat.next())).take(5).collect();
        assert!((1..4).all(|n| seats[n] != seats[0]));
        assert_eq!(seats[4], seats[0]);
    }
}
