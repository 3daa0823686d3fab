//! Resume tickets: a player whose connection was lost shows its ticket on a new connection and returns to its seat.

use std::fmt;

use super::encoding::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, owned_when_borrowed,
};

/// A token that identifies a player, signed by the server that issued it, so that only this server can create a valid one. To a client its
/// bytes have no meaning. A ticket is valid once, and each [`Welcome`](super::ServerMessage::Welcome) contains a new one.
#[derive(Clone, PartialEq, Eq, Encode)]
pub struct Ticket([u8; Self::BYTES]);

/// The number of a ticket, which orders the tickets of one player. Server and journal store this number and not the ticket, so that a
/// reader of either cannot take a player's seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketNumber {
    /// The number of the server's run (one start of its process) in which the ticket was issued.
    pub run: u32,
    /// The number of tickets that the same player received earlier in that run.
    pub count: u32,
}

/// A client's request to resume its seat on a new connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Resume {
    /// The newest ticket that the client received.
    pub ticket: Ticket,
    /// The number of the room's messages that the client has received on that seat, as in
    /// [`ClientMessage::Ack`](super::ClientMessage::Ack). The server retransmits the messages after these.
    pub acked: u32,
}

impl Ticket {
    /// The length of a ticket in bytes: 8 of the player's id, 8 of the ticket's number, and 16 of the server's signature.
    pub const BYTES: usize = 32;

    /// Creates a ticket from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the ticket, for verification by the server that issued it.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// Hides the bytes, because the reader of a log with a ticket could take the player's seat.
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
