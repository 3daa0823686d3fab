//! A checkpoint: the complete state of a room at one tick, with the holder (player or bot) of each seat.

use crate::{
    bits::{BitReader, BitWriter, Bits as _, BitsError},
    game::{Checksum, Game, Setup, checksum},
    id::SeatId,
    journal::Holder,
    tick::Tick,
};

/// The state with which a segment of a journal starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The tick whose resulting state this is.
    pub tick: Tick,
    /// The checksum of the state.
    pub checksum: Checksum,
    /// The holder of each seat, indexed by seat; `None` for an empty seat.
    pub holders: Vec<Option<Holder>>,
    /// The bytes that [`Game::save`] wrote.
    pub state: Vec<u8>,
}

impl Checkpoint {
    /// Creates a checkpoint of this game and these holders. `scratch` is overwritten.
    pub fn of<G: Game>(game: &G, tick: Tick, holders: Vec<Option<Holder>>, scratch: &mut BitWriter) -> Self {
        let checksum = checksum(game, scratch);
        Self { tick, checksum, holders, state: scratch.finish().to_vec() }
    }

    /// Loads the game from the state.
    ///
    /// # Errors
    /// When the bytes are not a state of this game.
    pub fn load<G: Game>(&self, setup: &Setup<G::Settings>) -> Result<G, BitsError> {
        G::load(setup, &mut BitReader::new(&self.state))
    }

    /// Appends the length of the front part (4 bytes, little-endian), the front part (checksum and holders), and the state to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut bits = BitWriter::new();
        bits.write_u64(self.checksum.0);
        let taken = self.holders.iter().enumerate().filter_map(|(at, holder)| Some((at, holder.as_ref()?)));
        bits.write_bits(taken.clone().count() as u32, SEATS_BITS);
        for (at, holder) in taken {
            SeatId(at as u16).encode(&mut bits);
            holder.encode(&mut bits);
        }
        let front = bits.finish();
        out.extend((front.len() as u32).to_le_bytes());
        out.extend(front);
        out.extend(&self.state);
    }

    /// Decodes the bytes of [`Self::encode`], for a room with this number of seats.
    pub(super) fn decode(tick: Tick, seats: u16, bytes: &[u8]) -> Result<Self, BitsError> {
        let (length, rest) = bytes.split_first_chunk().ok_or(BitsError::Truncated)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (front, state) = rest.split_at_checked(length).ok_or(BitsError::Truncated)?;
        let mut from = BitReader::new(front);
        let checksum = Checksum(from.read_u64()?);
        let mut holders = vec![None; usize::from(seats)];
        for _ in 0..from.read_bits(SEATS_BITS)? {
            let seat = SeatId::decode(&mut from)?;
            let holder = Holder::decode(&mut from)?;
            *holders.get_mut(seat.index()).ok_or(BitsError::OutOfRange)? = Some(holder);
        }
        from.finish()?;
        Ok(Self { tick, checksum, holders, state: state.to_vec() })
    }
}

/// The number of bits of a number of seats: enough for [`MAX_ROOM_SEATS`](crate::limits::MAX_ROOM_SEATS).
const SEATS_BITS: u32 = 14;
