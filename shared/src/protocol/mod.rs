//! The wire protocol on a QUIC connection: one control stream that the client opens, datagrams in both directions, and one stream from
//! the server for each snapshot that is too large for a datagram. The content of snapshots is in [`snapshot`](crate::snapshot).
//!
//! Facts (joins, events, chat) are messages on the control stream, reliable and in order. State (inputs and snapshots) is sent in
//! datagrams: a lost one is not retransmitted, because the next one replaces it.
//!
//! - [`messages`]: the messages of the control stream and their order.
//! - [`codec`]: encoding and decoding of control messages.
//! - `encoding`: the binary encoding that `codec` uses; the only file that names bincode.
//! - [`framing`]: the length prefixes of messages on the stream.
//! - [`bounded`]: texts and lists with a maximum length.
//! - [`shown_text`]: the rule for text that other players and operators see.
//! - [`close`]: the reasons for which a connection ends or a request is refused.
//! - [`datagram`]: input datagrams from the client and snapshot headers from the server.
//! - [`seat_epoch`]: the mark that assigns a datagram to one of the seats that a client has one after another.
//! - [`ticket`]: resume tickets, with which a player returns to its seat on a new connection.
//! - [`fingerprint`](mod@fingerprint): the protocol version and the detection of incompatible builds.

pub mod bounded;
pub mod close;
pub mod codec;
pub mod datagram;
mod encoding;
pub mod fingerprint;
pub mod framing;
pub mod messages;
pub mod seat_epoch;
pub mod shown_text;
pub mod ticket;

pub use self::{
    close::CloseReason,
    fingerprint::{Fingerprint, PROTOCOL_VERSION, fingerprint},
    messages::{ClientMessage, Hello, JoinTarget, RoomEntry, ServerMessage},
    seat_epoch::SeatEpoch,
    ticket::{Resume, Ticket, TicketNumber},
};

/// The protocol's name in the TLS handshake (ALPN).
pub const ALPN: &[u8] = b"quarrel/1";
