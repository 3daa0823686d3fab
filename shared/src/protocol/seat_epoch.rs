//! The epoch of a seat (a player's place in a room): a mark that assigns inputs and snapshots to one of the seats that a client has one
//! after another. A player may leave a room and join another on the same connection while datagrams and keyframes of the old seat are in
//! flight, and the ticks of two rooms must not be confused.

use super::encoding::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, owned_when_borrowed, refuse,
};
use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// A counter of a client's seats, modulo 4, because no packet stays in flight while a client joins four more rooms. A resumed seat has
/// the epoch that follows its epoch on the lost connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode)]
pub struct SeatEpoch(u8);

impl SeatEpoch {
    /// The epoch of the first seat of a connection that does not resume one.
    pub const FIRST: Self = Self(0);

    /// The number of bits of an encoded epoch.
    const BITS: u32 = 2;
    /// The number of different epochs.
    const COUNT: u8 = 1 << Self::BITS;

    /// Returns the epoch of the next seat.
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
            return Err(refuse("the seat epoch is out of range"));
        }
        Ok(Self(number))
    }
}

owned_when_borrowed!([], SeatEpoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_repeat_after_four_seats() {
        let epochs: Vec<_> =
            std::iter::successors(Some(SeatEpoch::FIRST), |epoch| Some(epoch.next())).take(5).collect();
        assert!((1..4).all(|n| epochs[n] != epochs[0]));
        assert_eq!(epochs[4], epochs[0]);
    }
}
