//! The players' network plane: bytes in and out over QUIC. It knows connections, but no rooms and no games.
//!
//! - [`endpoint`]: one UDP socket and its QUIC settings, each with the measurement behind it.
//! - [`accept`]: incoming connections, from their first packet to a session.
//! - [`admission`]: whether an incoming handshake is accepted, retried, refused or ignored. Pure.
//! - `handshake_queue`: the order and the rate of accepted handshakes. Pure.
//! - [`peer`]: one player's connection.
//! - [`stream`]: the control stream as messages.
//! - [`tls`], [`keys`]: the server's certificate and its endpoint secrets.

pub mod accept;
pub mod admission;
pub mod endpoint;
mod handshake_queue;
pub mod keys;
pub mod peer;
pub mod stream;
pub mod tls;

pub use self::{
    accept::{AcceptedPeer, Acceptor},
    endpoint::UdpResources,
    peer::Peer,
};
