//! What goes over the wire around the snapshots: ALPN [`ALPN`], one control stream, datagrams both ways.
//!
//! State goes by datagram, newest wins. Facts go by the control stream, every one and in order. Which lane a thing takes follows
//! from what it is, never from its size or hurry.
//!
//! - [`messages`]: what is said on the control stream, and in which order.
//! - [`codec`]: messages to bytes; the only file that names bincode.
//! - [`framing`]: where one message ends and the next begins.
//! - [`bounded`]: texts and lists that cannot be longer than agreed.
//! - [`close`]: every reason for which a connection ends or a request is refused.
//! - [`datagram`]: inputs up, snapshots down.
//! - [`seating`]: which of a connection's seats a datagram belongs to.
//! - [`ticket`]: how a player comes back to a seat on another connection.
//! - [`fingerprint`](mod@fingerprint): how two builds find out that they do not fit.

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

/// Raised whenever the coding of messages or datagrams changes.
pub const PROTOCOL_VERSION: u16 = 3;
