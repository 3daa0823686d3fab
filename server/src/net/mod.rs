//! The network side of the server: accepts the QUIC connections of players and moves bytes over them. It knows no rooms and no games.
//!
//! - [`endpoint`]: one UDP socket and its QUIC settings.
//! - `listen`: the players' address on a machine without IPv6.
//! - [`accept`]: the task that accepts connections, from their first packet to the start of a session.
//! - [`admission`]: decides whether an incoming handshake is admitted, retried, refused or ignored. Has no I/O.
//! - `counting_socket`: counts the traffic of all connections.
//! - `handshake_queue`: the order and the rate of admitted handshakes. Has no I/O.
//! - [`peer`]: one player's connection.
//! - [`stream`]: the control stream of a player, with a bound on queued messages.
//! - [`tls`]: the server's certificate.
//! - [`keys`]: the endpoint's secrets, which outlive a restart.

pub mod accept;
pub mod admission;
mod counting_socket;
pub mod endpoint;
mod handshake_queue;
pub mod keys;
pub(crate) mod listen;
pub mod peer;
pub mod stream;
pub mod tls;

pub use self::{
    accept::{AcceptedPeer, Acceptor},
    endpoint::UdpResources,
    peer::Peer,
};
