//! Connections: from an address to a stream of messages and snapshots.
//!
//! - [`connect`]: opens a connection and completes the handshake. `ending`: the end of a connection.
//! - [`tls`]: which server certificates are trusted. [`transport`]: QUIC settings and sockets.
//! - `opening`, `repeat`, `nudge`: extra copies of a connection's first packets and datagrams that request acknowledgements, so that
//!   joins are quick over lossy links.
//! - `server_connection`: an open connection, as the driver waits for it. `keyframes`: snapshots on streams of their own.

pub mod connect;
pub(crate) mod ending;
mod keyframes;
mod nudge;
mod opening;
mod repeat;
pub(crate) mod server_connection;
pub mod tls;
pub mod transport;
