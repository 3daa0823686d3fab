//! The QUIC settings and endpoints of coordinators and agents: one stream per connection, and short timeouts.
//!
//! An agent creates its certificate at its start, and coordinators do not verify it: the shared key authenticates both sides.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quinn::{
    ClientConfig, Connection, Endpoint, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use rustls::{crypto::ring, version::TLS13};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::time::timeout;

use quarrel_client::net::{tls, transport};
use quarrel_transport::settings::CRYPTO_BUFFER_BYTES;

/// The protocol's ALPN. It has no version, because hello messages compare versions and can explain a mismatch better than a TLS alert.
const ALPN: &[u8] = b"quarrel-swarm";

/// The name in certificates, which is never verified.
pub(super) const CERTIFICATE_NAME: &str = "quarrel-swarm";

/// The idle timeout: short, because bots must stop soon after their coordinator was killed.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// The keep-alive period: 3 s of idle timeout / 500 ms = 6 packets, of which 5 may be lost.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// The assumed round trip before the first measurement: so short that a lost first packet is repeated well within the idle timeout.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Maximum number of bytes in flight. To an agent across an ocean, with a round trip of 100 ms, it allows 512 KiB / 100 ms = 5 MB/s.
const WINDOW_BYTES: u32 = 512 * 1024;

/// Time limit for sending the last packets.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The application close codes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseCode {
    /// The run is complete.
    Done = 1,
    /// The keys of the two sides differ; the reason names only the side without a key.
    WrongKey = 2,
    /// Any other reason, given as a sentence.
    Other = 3,
}

impl CloseCode {
    /// Returns the code as QUIC carries it.
    pub(super) fn code(self) -> VarInt {
        VarInt::from_u32(self as u32)
    }

    /// Closes a connection with this code and a reason.
    pub(super) fn close(self, connection: &Connection, reason: &str) {
        connection.close(self.code(), reason.as_bytes());
    }
}

/// Opens an agent's endpoint. Requires a tokio runtime.
pub(super) fn listen(address: SocketAddr) -> io::Result<Endpoint> {
    let socket = std::net::UdpSocket::bind(address)?;
    Endpoint::new(transport::endpoint_config(), Some(server_config()?), socket, Arc::new(TokioRuntime))
}

/// A coordinator's endpoints, one for each address family that the system supports.
pub(super) struct CoordinatorEndpoints {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
}

impl CoordinatorEndpoints {
    /// Opens the endpoints. Requires a tokio runtime.
    ///
    /// # Errors
    /// When the system provides a socket of neither family.
    pub(super) fn open() -> io::Result<Self> {
        let config = client_config()?;
        let open = |ip: IpAddr| {
            let mut endpoint = Endpoint::client(SocketAddr::new(ip, 0))?;
            endpoint.set_default_client_config(config.clone());
            Ok::<_, io::Error>(endpoint)
        };
        let (v4, v6) = (open(Ipv4Addr::UNSPECIFIED.into()), open(Ipv6Addr::UNSPECIFIED.into()));
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Self { v4: v4.ok(), v6: v6.ok() }),
        }
    }

    /// Returns the endpoint for the family of an address; `None` if the system does not support the family.
    pub(super) const fn for_address(&self, address: SocketAddr) -> Option<&Endpoint> {
        if address.is_ipv4() { self.v4.as_ref() } else { self.v6.as_ref() }
    }

    /// Closes all connections, and waits until the close frames are acknowledged, at most [`CLOSE_TIMEOUT`] for each endpoint.
    pub(super) async fn close(&self) {
        for endpoint in [&self.v4, &self.v6].into_iter().flatten() {
            close_endpoint(endpoint, "the coordinator ended").await;
        }
    }
}

/// Closes all connections of an endpoint, and waits until the close frames are acknowledged, at most [`CLOSE_TIMEOUT`].
pub(super) async fn close_endpoint(endpoint: &Endpoint, reason: &str) {
    endpoint.close(CloseCode::Other.code(), reason.as_bytes());
    // A peer that does not acknowledge the close notices it by its idle timeout.
    let _ = timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
}

fn client_config() -> io::Result<ClientConfig> {
    let tls = tls::unverified_config(ALPN).map_err(io::Error::other)?;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(io::Error::other)?));
    config.transport_config(Arc::new(transport_config(0)));
    Ok(config)
}

fn server_config() -> io::Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed([CERTIFICATE_NAME.to_owned()]).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .map_err(io::Error::other)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection proves the key again, so none is resumed.
    tls.send_tls13_tickets = 0;
    let mut config =
        ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).map_err(io::Error::other)?));
    config.transport_config(Arc::new(transport_config(1)));
    Ok(config)
}

/// Returns the QUIC settings of a side whose peer may open this number of streams.
fn transport_config(streams: u32) -> TransportConfig {
    let mut config = TransportConfig::default();
    let silence = VarInt::from_u32(IDLE_TIMEOUT.as_millis() as u32);
    config
        .initial_rtt(INITIAL_RTT)
        .max_idle_timeout(Some(IdleTimeout::from(silence)))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .receive_window(VarInt::from_u32(WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(u64::from(WINDOW_BYTES))
        .max_concurrent_bidi_streams(VarInt::from_u32(streams))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(CRYPTO_BUFFER_BYTES);
    config
}
