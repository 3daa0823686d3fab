//! The wire protocol around the snapshots: ALPN [`ALPN`], one control stream, datagrams in both directions.
//!
//! State is sent by datagram, and the newest wins. Facts are sent on the control stream, reliably and in order. The kind of data
//! decides the lane, never its size or urgency.
//!
//! - [`messages`]: the messages of the control stream and their order.
//! - [`codec`]: encoding of messages; the only file that names bincode.
//! - [`framing`]: length prefixes of messages.
//! - [`bounded`]: texts and lists with a maximum length.
//! - [`close`]: the reasons for which a connection ends or a request is refused.
//! - [`datagram`]: input datagrams from the client and snapshot headers from the server.
//! - [`seat_epoch`]: the mark that assigns a datagram to one of a connection's successive seats.
//! - [`ticket`]: resume tickets, with which a player returns to a seat on another connection.
//! - [`fingerprint`](mod@fingerprint): detection of incompatible builds.

pub mod bounded;
pub mod close;
pub mod codec;
pub mod datagram;
pub mod fingerprint;
pub mod framing;
pub mod messages;
pub mod seat_epoch;
pub mod ticket;

pub use self::{
    close::CloseReason,
    fingerprint::{Fingerprint, fingerprint},
    messages::{ClientMessage, Hello, JoinTarget, RoomEntry, ServerMessage},
    seat_epoch::SeatEpoch,
    ticket::{Resume, Ticket, TicketNumber},
};

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"quarrel/1";

/// The protocol version. Raise it with every change of the encoding of messages or datagrams.
pub const PROTOCOL_VERSION: u16 = 3;
