//! Connections: from an address to a stream of messages, datagrams and keyframes.
//!
//! - [`connect`]: opens a connection and completes the handshake. [`tls`]: which server certificates are trusted.
//! - [`transport`]: QUIC settings and sockets.
//! - `opening`, `repeat`, `nudge`: extra copies of the first packets and keep-awake datagrams, for quick joins over lossy links.
//! - `line`: an open connection as the driver waits for it. `keyframes`: snapshots on streams of their own.

pub mod connect;
mod keyframes;
pub(crate) mod line;
mod nudge;
mod opening;
mod repeat;
pub mod tls;
pub mod transport;
