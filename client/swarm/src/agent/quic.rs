//! QUIC as coordinators and agents use it: one stream with one coordinator, and nobody waited for for long.
//!
//! The certificate is made at start and looked at by nobody: who the other side is, its key says.

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

/// Which language is spoken; versions of it are told apart by their hellos, which can say more than a TLS alert.
const ALPN: &[u8] = b"quarrel-swarm";

/// What certificates say, and nobody reads.
pub(super) const NAME: &str = "quarrel-swarm";

/// Whoever is silent for this long is gone: bots must not play on for a coordinator that was killed.
pub(super) const SILENCE: Duration = Duration::from_secs(3);

/// Five chances to be heard meanwhile.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// What a round trip is taken for before one was measured: a first packet that was lost is sent again well within the silence.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// What may be on its way at once. An agent in the same hall is a millisecond away, one across an ocean 100: then this is 5 MB/s.
const WINDOW_BYTES: u32 = 512 * 1024;

/// A handshake has a certificate of half a kilobyte.
const CRYPTO_BUFFER_BYTES: usize = 8 * 1024;

/// How long the last packets may take to leave.
const GOODBYE: Duration = Duration::from_millis(500);

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Everything was said.
    Done = 1,
    /// The other side has another key, or none. Nothing more is said than whose is missing.
    WrongKey = 2,
    /// The reason says why.
    Because = 3,
}

impl Close {
    pub(super) fn code(self) -> VarInt {
        VarInt::from_u32(self as u32)
    }

    /// Closes a connection, and says why.
    pub(super) fn close(self, connection: &Connection, why: &str) {
        connection.close(self.code(), why.as_bytes());
    }
}

/// An agent's endpoint. Needs a tokio runtime around it.
pub(super) fn listen(address: SocketAddr) -> io::Result<Endpoint> {
    let socket = std::net::UdpSocket::bind(address)?;
    Endpoint::new(transport::endpoint_config(), Some(server_config()?), socket, Arc::new(TokioRuntime))
}

/// A coordinator's endpoints: one for each kind of address, where the system has it.
pub(super) struct Outlet {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
}

impl Outlet {
    /// Needs a tokio runtime around it.
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

    /// The one that reaches this address.
    pub(super) const fn towards(&self, address: SocketAddr) -> Option<&Endpoint> {
        if address.is_ipv4() { self.v4.as_ref() } else { self.v6.as_ref() }
    }

    /// Closes what is still open, and lets that be heard.
    pub(super) async fn close(&self) {
        for endpoint in [&self.v4, &self.v6].into_iter().flatten() {
            goodbye(endpoint, "the coordinator ended").await;
        }
    }
}

/// Closes all connections of an endpoint, and lets that be heard.
pub(super) async fn goodbye(endpoint: &Endpoint, why: &str) {
    endpoint.close(Close::Because.code(), why.as_bytes());
    // Whoever does not answer is not waited for: it hears of it by silence.
    let _ = timeout(GOODBYE, endpoint.wait_idle()).await;
}

fn client_config() -> io::Result<ClientConfig> {
    let tls = tls::unverified_config(ALPN).map_err(io::Error::other)?;
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(io::Error::other)?));
    config.transport_config(Arc::new(transport_config(0)));
    Ok(config)
}

fn server_config() -> io::Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .map_err(io::Error::other)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection is proven anew, so none is ever resumed.
    tls.send_tls13_tickets = 0;
    let mut config =
        ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).map_err(io::Error::other)?));
    config.transport_config(Arc::new(transport_config(1)));
    Ok(config)
}

fn transport_config(streams: u32) -> TransportConfig {
    let mut config = TransportConfig::default();
    let silence = VarInt::from_u32(SILENCE.as_millis() as u32);
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
