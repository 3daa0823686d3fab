//! What lets a player come back to their seat on another connection.

use std::fmt;

use super::codec::{BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, owned_when_borrowed};

/// A server's word that whoever shows it holds a seat. Only the server that gave it can read it; it is good once, and each
/// [`Welcome`](super::ServerMessage::Welcome) brings a new one.
#[derive(Clone, PartialEq, Eq, Encode)]
pub struct Ticket([u8; Self::BYTES]);

/// Which of its tickets a player was given last: what a server remembers of one, and what a journal keeps across a restart. It
/// opens nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketNumber {
    /// Which run of the server gave it.
    pub run: u32,
    /// How many went before it to the same player.
    pub count: u32,
}

/// A client comes back: its ticket, and where the story broke off.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Resume {
    /// The newest ticket that it was given.
    pub ticket: Ticket,
    /// How many of the room's messages it has heard on that seat; those that follow are said again. See
    /// [`ClientMessage::Ack`](super::ClientMessage::Ack).
    pub acked: u32,
}

impl Ticket {
    /// How long a ticket is: who it is for, how many went before it, and the server's seal.
    pub const BYTES: usize = 32;

    /// A ticket of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// What the server that made it reads.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// Whoever reads a log must not be able to take somebody's seat.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

impl<Context> Decode<Context> for Ticket {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        <[u8; Self::BYTES]>::decode(decoder).map(Self)
    }
}

owned_when_borrowed!([], Ticket);
