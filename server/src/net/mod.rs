//! The players' plane: bytes in and out over QUIC. It knows connections; it knows no rooms and no games.
//!
//! - [`endpoint`]: one UDP socket and its QUIC settings, each with the measurement behind it.
//! - [`congestion`]: Cubic with a floor.
//! - [`accept`]: newcomers, from their first packet to a session.
//! - [`admission`]: who may shake hands now. Pure.
//! - `turns`: who shakes hands next. Pure.
//! - [`peer`]: one player's connection.
//! - [`stream`]: the control stream as messages.
//! - [`tls`], [`keys`]: who we are.

pub mod accept;
pub mod admission;
pub mod congestion;
pub mod endpoint;
pub mod keys;
pub mod peer;
pub mod stream;
pub mod tls;
mod turns;

pub use self::{
    accept::{Acceptor, Newcomer},
    endpoint::UdpResources,
    peer::Peer,
};
