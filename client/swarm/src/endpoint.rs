//! Client endpoints whose packets travel over a simulated network path (link).

use std::{io, net::SocketAddr, sync::Arc};

use quarrel_client::net::transport;
use quarrel_netsim::{Link, socket::ImpairedSocket};
use quinn::Endpoint;

/// Opens an endpoint with its own socket, whose packets travel over `link`. `seed` and `bot` together select the random stream of the
/// link's delays and losses. Requires a tokio runtime.
///
/// # Errors
/// When the system provides no socket.
pub fn open_impaired(server: SocketAddr, link: &Link, seed: u64, bot: u64) -> io::Result<Endpoint> {
    // The link is below the layer that repeats handshake packets, so that the copies can be lost too.
    transport::open_endpoint_with(server, |socket| Arc::new(ImpairedSocket::new(socket, link, seed, bot)))
}
