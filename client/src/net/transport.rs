//! How a client's endpoint and connections are set up. Each figure has its measurement in RELIABILITY.md, but
//! for what a round trip is taken for at first: that one is measured by `tests/bench/joins.sh`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quarrel_shared::limits::MAX_KEYFRAME_BYTES;
use quarrel_transport::{
    congestion::FlooredCubicConfig,
    settings::{self, CONNECTION_ID_BYTES},
};
use quinn::{
    AsyncUdpSocket, Endpoint, EndpointConfig, IdleTimeout, Runtime as _, TokioRuntime, TransportConfig,
    VarInt,
};
use quinn_proto::RandomConnectionIdGenerator;

use super::repeat::RepeatingSocket;

/// What a round trip is taken for before one was measured: what is not answered within three of them is sent again. Whoever is
/// farther away sends some packets in vain; quinn's 333 ms would make a lost first packet cost a second.
const INITIAL_RTT: Duration = Duration::from_millis(50);

/// A server that is silent for this long is gone.
const IDLE_TIMEOUT_MS: u32 = 10_000;

/// Three chances to be heard within the idle timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(3);

/// Two inputs of the largest kind and some small ones: what waits longer is outdated, and the oldest is dropped.
const DATAGRAM_SEND_BYTES: usize = 2400;

/// Some seconds of snapshots, for a program that was stopped for a moment.
const DATAGRAM_RECEIVE_BYTES: usize = 64 * 1024;

/// A whole keyframe may be on its way at once, and the control stream must not wait for it.
const STREAM_WINDOW_BYTES: u32 = MAX_KEYFRAME_BYTES as u32;
const CONNECTION_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES;

/// What this side has unacknowledged on streams: control messages, which are short.
const SEND_WINDOW_BYTES: u64 = 64 * 1024;

/// Handshake bytes that came out of order.
const CRYPTO_BUFFER_BYTES: usize = 8 * 1024;

/// Streams that the server may have open at once, of each kind.
const STREAMS: u32 = 4;

/// An endpoint on a socket of its own, of the same family as `server`. Many connections may share it.
///
/// # Errors
/// When the system gives no socket.
pub fn endpoint(server: SocketAddr) -> io::Result<Endpoint> {
    endpoint_over(server, |socket| socket)
}

/// The same, with something laid over the system's socket.
pub fn endpoint_over(
    server: SocketAddr,
    lay: impl FnOnce(Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket>,
) -> io::Result<Endpoint> {
    let socket = wrap_abstract(lay(TokioRuntime.wrap_udp_socket(socket(server)?)?));
    Endpoint::new_with_abstract_socket(endpoint_config(), None, socket, Arc::new(TokioRuntime))
}

/// A socket as an endpoint of ours uses it. Needs a tokio runtime around it.
///
/// # Errors
/// When the socket cannot be registered with the runtime.
pub fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    Ok(wrap_abstract(TokioRuntime.wrap_udp_socket(socket)?))
}

/// The same, for those who bring a socket that is none of the system's.
#[must_use]
pub fn wrap_abstract(socket: Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket> {
    Arc::new(RepeatingSocket::new(socket))
}

/// The endpoint's settings, for those who bring a socket of their own.
#[must_use]
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.cid_generator(|| Box::new(RandomConnectionIdGenerator::new(CONNECTION_ID_BYTES)));
    config
}

/// The settings of each connection.
#[must_use]
pub fn transport_config() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .initial_rtt(INITIAL_RTT)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS))
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES)
        .crypto_buffer_size(CRYPTO_BUFFER_BYTES)
        .ack_frequency_config(Some(settings::ack_frequency()))
        .congestion_controller_factory(Arc::new(FlooredCubicConfig::default()));
    config
}

fn socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    settings::bind(SocketAddr::new(any, 0))
}
