//! Resume tickets: with one, a player returns to its seat on another connection.

use std::fmt;

use super::encoding::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, owned_when_borrowed,
};

/// A sealed token that identifies a player. Only the server that issued it can read it; it is valid once, and each
/// [`Welcome`](super::ServerMessage::Welcome) carries a new one.
#[derive(Clone, PartialEq, Eq, Encode)]
pub struct Ticket([u8; Self::BYTES]);

/// The number of a player's newest ticket. The server and the journal store this number instead of the ticket, so that neither
/// grants access to a seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketNumber {
    /// The run of the server that issued the ticket.
    pub run: u32,
    /// The number of tickets that the same player got before it in that run.
    pub count: u32,
}

/// A client's request to resume its seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Resume {
    /// The newest ticket that the client received.
    pub ticket: Ticket,
    /// The number of the room's messages that the client received on that seat; the server retransmits those that follow. See
    /// [`ClientMessage::Ack`](super::ClientMessage::Ack).
    pub acked: u32,
}

impl Ticket {
    /// The length of a ticket in bytes: the player's id, the ticket's number and the server's seal.
    pub const BYTES: usize = 32;

    /// Creates a ticket from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes of the ticket, for the server that issued it.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// Hides the bytes, because a ticket in a log would give its reader the player's seat.
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
