//! Client endpoints whose packets travel over a modelled link.

use std::{io, net::SocketAddr, sync::Arc};

use quarrel_client::net::transport;
use quarrel_netsim::{Link, socket::ImpairedSocket};
use quinn::Endpoint;

/// Opens an endpoint with its own socket, whose packets travel over `link`. `bot` selects one player's random stream of `seed`.
/// Requires a tokio runtime.
///
/// # Errors
/// When the system provides no socket.
pub fn impaired(server: SocketAddr, link: &Link, seed: u64, bot: u64) -> io::Result<Endpoint> {
    // Below the socket that repeats handshake packets, so that the copies can be lost too.
    transport::open_endpoint_with(server, |socket| Arc::new(ImpairedSocket::new(socket, link, seed, bot)))
}
