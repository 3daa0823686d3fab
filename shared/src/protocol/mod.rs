//! The wire protocol around the snapshots: ALPN [`ALPN`], one control stream, datagrams in both directions.
//!
//! State is sent by datagram, and the newest wins. Facts are sent on the control stream, reliably and in order. The kind of data
//! decides the lane, never its size or urgency.
//!
//! - [`messages`]: the messages of the control stream and their order.
//! - [`codec`]: encoding and decoding of messages.
//! - `encoding`: the binary encoding below them; the only file that names bincode.
//! - [`framing`]: length prefixes of messages.
//! - [`bounded`]: texts and lists with a maximum length.
//! - [`shown_text`]: the rule for text that other players and operators see.
//! - [`close`]: the reasons for which a connection ends or a request is refused.
//! - [`datagram`]: input datagrams from the client and snapshot headers from the server.
//! - [`seat_epoch`]: the mark that assigns a datagram to one of a connection's successive seats.
//! - [`ticket`]: resume tickets, with which a player returns to a seat on another connection.
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

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"quarrel/1";
