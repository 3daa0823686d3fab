//! Connections: from an address to a stream of messages and snapshots.
//!
//! - [`connect`]: opens a connection and completes the handshake. [`find`]: the address of a server that has a name. `ending`: the end of
//!   a connection.
//! - [`tls`]: the server certificates that a client trusts. [`transport`]: QUIC settings and sockets.
//! - `opening`, `repeat`: a socket that sends copies of a connection's first packets. `nudge`: empty datagrams that make the server
//!   acknowledge. Both make joins quick over links that lose packets.
//! - `server_connection`: an open connection, as the driver waits for its messages and snapshots. `keyframes`: snapshots that arrive
//!   on their own streams.

pub mod connect;
pub(crate) mod ending;
pub mod find;
mod keyframes;
mod nudge;
mod opening;
mod repeat;
pub(crate) mod server_connection;
pub mod tls;
pub mod transport;
