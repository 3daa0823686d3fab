//! The QUIC endpoint for players: one UDP socket and its transport settings.

use std::{io, net::UdpSocket, sync::Arc, time::Duration};

use bytes::Bytes;
use quarrel_shared::limits::{MAX_CLIENT_MESSAGE_BYTES, MAX_DATAGRAM_BYTES};
use quarrel_transport::settings::{self, CONNECTION_ID_BYTES};
use quinn::{
    AsyncUdpSocket, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, Runtime, ServerConfig,
    TimeSource, TransportConfig, VarInt, crypto::rustls::QuicServerConfig,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use ring::{hkdf, hmac};

pub use quarrel_transport::settings::bind;

use super::{counting_socket::CountingSocket, keys::EndpointKeys, tls::ServerTls};
use crate::{config::NetConfig, telemetry::traffic::SocketTraffic};

/// The endpoint's socket, timers, randomness and clock. The caller passes them so that tests can run a complete server in a simulated
/// network on a paused clock.
pub struct UdpResources {
    /// The socket that packets are sent and received on.
    pub socket: Arc<dyn AsyncUdpSocket>,
    /// The runtime for the endpoint's timers and tasks.
    pub runtime: Arc<dyn Runtime>,
    /// The seed of the endpoint's random numbers and connection ids; `None` for a random one.
    pub seed: Option<[u8; 32]>,
    /// The wall clock for the timestamps in address validation tokens; `None` for the system's clock.
    pub time: Option<Arc<dyn TimeSource>>,
}

impl UdpResources {
    /// Creates the resources of a real server from a socket. Must be called within a tokio runtime, which then drives the socket.
    ///
    /// # Errors
    /// When the socket cannot be registered with the runtime.
    pub fn from_socket(socket: UdpSocket) -> io::Result<Self> {
        let runtime: Arc<dyn Runtime> = Arc::new(quinn::TokioRuntime);
        let socket = runtime.wrap_udp_socket(socket)?;
        Ok(Self { socket, runtime, seed: None, time: None })
    }
}

/// Opens the players' endpoint, whose traffic is added to `traffic`.
///
/// # Errors
/// When the socket cannot be used, or when the TLS configuration lacks what QUIC needs.
pub fn open(
    udp: UdpResources,
    net: &NetConfig,
    tls: &ServerTls,
    keys: &EndpointKeys,
    traffic: Arc<SocketTraffic>,
) -> io::Result<Endpoint> {
    let crypto = QuicServerConfig::try_from(tls.config()).map_err(io::Error::other)?;
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&keys.token);
    let mut server = ServerConfig::new(Arc::new(crypto), Arc::new(prk));
    server
        .transport_config(Arc::new(transport(net)))
        .max_incoming(net.max_half_open)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_BYTES * net.max_half_open as u64);
    if let Some(time) = udp.time {
        server.time_source(time);
    }
    let mut endpoint = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &keys.reset)));
    let seed = udp.seed.unwrap_or_else(rand::random);
    endpoint
        .min_reset_interval(RESET_INTERVAL)
        .rng_seed(Some(derived(&seed, b"endpoint")))
        .cid_generator(move || Box::new(LongIds::seeded(derived(&seed, b"connection ids"))));
    let socket = Arc::new(CountingSocket::new(udp.socket, traffic));
    Endpoint::new_with_abstract_socket(endpoint, Some(server), socket, udp.runtime)
}

/// The minimum time between two stateless resets, by which clients notice after a crash and a restart that their connections are gone.
/// For a thousand players, quinn's default of 20 ms would take 1000 x 20 ms = 20 s, and 200 us take 0.2 s. A reset is smaller than the
/// packet that it answers and costs some microseconds, so this rate is not a load.
const RESET_INTERVAL: Duration = Duration::from_micros(200);

/// The buffer for the packets of one connection that is not accepted yet. A client's first flight has two packets.
const INCOMING_BUFFER_BYTES: u64 = 4 * 1024;

/// The round-trip time that is assumed before the first measurement. A lost part of the server's handshake is retransmitted in two steps:
/// after three assumed round trips, and after three more. If the client answers the first step before the second one is due, the second
/// step comes only after three measured round trips. With an assumption of 50 ms, that happened to clients with a round trip of 90 ms:
/// 3 x 90 = 270 ms. With 25 ms it is 6 x 25 = 150 ms. Clients with a longer round trip receive some packets twice, but never more than
/// three times the bytes that they sent.
const INITIAL_RTT: Duration = Duration::from_millis(25);

/// The receive window of one stream: sixteen of the largest control messages of a client, each of which is handled when it arrives.
const STREAM_WINDOW_BYTES: u32 = 16 * MAX_CLIENT_MESSAGE_BYTES as u32;

/// The receive window of all streams together: those of four streams, as many as a client may open of one kind.
const CONNECTION_WINDOW_BYTES: u32 = 4 * STREAM_WINDOW_BYTES;

/// The receive buffer for a connection's datagrams: fourteen of the largest inputs, for a session task that is delayed. Small, because a
/// thousand clients may fill theirs.
const DATAGRAM_RECEIVE_BYTES: usize = 16 * 1024;

/// The buffer of a connection's outgoing datagrams: two of the largest ones, each with quinn's overhead of the size of a [`Bytes`].
/// Sessions queue at most two, so quinn never drops a queued datagram to make room for a newer one.
const DATAGRAM_SEND_BYTES: usize = 2 * (MAX_DATAGRAM_BYTES + size_of::<Bytes>());

/// Returns the transport settings of players' connections.
fn transport(net: &NetConfig) -> TransportConfig {
    let mut transport = settings::transport_config();
    let idle = u32::try_from(net.idle_timeout_ms).unwrap_or(u32::MAX);
    transport
        .max_idle_timeout(Some(VarInt::from_u32(idle).into()))
        .keep_alive_interval(Some(net.keep_alive()))
        .initial_rtt(INITIAL_RTT)
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES);
    transport
}

/// Derives a seed for one purpose. Connection ids are sent in the clear, and the endpoint draws its secrets from a generator of the same
/// kind: with one seed for both, a connection id would reveal the numbers of the other generator.
fn derived(seed: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed), purpose);
    let mut derived = [0; 32];
    derived.copy_from_slice(tag.as_ref());
    derived
}

/// A generator of connection ids of 16 random bytes. With quinn's default generator, whose ids have a nonce of 3 bytes, some joins did not
/// complete after a Retry.
struct LongIds(StdRng);

impl LongIds {
    fn seeded(seed: [u8; 32]) -> Self {
        Self(StdRng::from_seed(seed))
    }
}

impl ConnectionIdGenerator for LongIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; CONNECTION_ID_BYTES];
        self.0.fill_bytes(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the bytes of the first eight connection ids of this seed.
    fn ids(seed: [u8; 32]) -> Vec<u8> {
        let mut ids = LongIds::seeded(seed);
        (0..8).flat_map(|_| ids.generate_cid().to_vec()).collect()
    }

    #[test]
    fn connection_ids_differ_from_the_endpoints_random_numbers() {
        let seed = [7; 32];
        let public = ids(derived(&seed, b"connection ids"));
        for private in [derived(&seed, b"endpoint"), seed] {
            let mut drawn = [0; 128];
            StdRng::from_seed(private).fill_bytes(&mut drawn);
            assert!(drawn[..] != public[..], "two purposes do not share a stream of random numbers");
        }
    }

    #[test]
    fn the_seed_determines_the_connection_ids() {
        assert_eq!(ids(derived(&[1; 32], b"connection ids")), ids(derived(&[1; 32], b"connection ids")));
        assert_ne!(ids(derived(&[1; 32], b"connection ids")), ids(derived(&[2; 32], b"connection ids")));
    }
}
