//! QUIC settings and sockets of a client. The settings that both ends share are in [`quarrel_transport::settings`].

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quarrel_shared::limits::MAX_KEYFRAME_BYTES;
use quarrel_transport::settings::{self, CONNECTION_ID_BYTES};
use quinn::{
    AsyncUdpSocket, Endpoint, EndpointConfig, IdleTimeout, Runtime as _, TokioRuntime, TransportConfig,
    VarInt,
};
use quinn_proto::RandomConnectionIdGenerator;

use super::repeat::RepeatingSocket;

/// The assumed round trip before the first measurement. QUIC sends a packet again that is not answered within three round trips:
/// 150 ms, or 1 s with quinn's default of 333 ms. On a longer path some packets are sent twice needlessly. `tests/bench/joins.sh`
/// measures the effect.
const INITIAL_RTT: Duration = Duration::from_millis(50);

/// The time without any packet from the server after which the connection counts as lost, in milliseconds.
const IDLE_TIMEOUT_MS: u32 = 10_000;

/// The interval of keep-alive packets: three within the idle timeout.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// The size of the receive buffer for datagrams: several seconds of snapshots, for a program that is paused for a moment.
const DATAGRAM_RECEIVE_BYTES: usize = 64 * 1024;

/// The receive window of one stream: a complete keyframe.
const STREAM_WINDOW_BYTES: u32 = MAX_KEYFRAME_BYTES as u32;

/// The receive window of all streams together: twice that of a stream, so that the control stream does not wait for a keyframe.
const CONNECTION_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES;

/// Opens an endpoint on a new socket of the same address family as `server`. Many connections may share the endpoint.
///
/// # Errors
/// When the socket cannot be opened.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn open_endpoint(server: SocketAddr) -> io::Result<Endpoint> {
    open_endpoint_with(server, |socket| socket)
}

/// Opens an endpoint as [`open_endpoint`] does, with the system's socket wrapped by `layer`, for example in a simulated link.
///
/// # Errors
/// As [`open_endpoint`].
///
/// # Panics
/// Outside of a tokio runtime.
pub fn open_endpoint_with(
    server: SocketAddr,
    layer: impl FnOnce(Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket>,
) -> io::Result<Endpoint> {
    let socket = wrap_abstract(layer(TokioRuntime.wrap_udp_socket(socket(server)?)?));
    Endpoint::new_with_abstract_socket(endpoint_config(), None, socket, Arc::new(TokioRuntime))
}

/// Wraps a system socket for a client's endpoint: the wrapper repeats the first packets of each connection.
///
/// # Errors
/// When the socket cannot be registered with the runtime.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    Ok(wrap_abstract(TokioRuntime.wrap_udp_socket(socket)?))
}

/// Wraps a socket as [`wrap`] does, for a socket that is not the system's, such as a simulated one.
///
/// # Panics
/// Outside of a tokio runtime.
#[must_use]
pub fn wrap_abstract(socket: Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket> {
    Arc::new(RepeatingSocket::new(socket))
}

/// Returns the settings of an endpoint, for programs that open one on their own socket.
#[must_use]
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.cid_generator(|| Box::new(RandomConnectionIdGenerator::new(CONNECTION_ID_BYTES)));
    config
}

/// Returns the QUIC settings of a connection.
#[must_use]
pub fn transport_config() -> TransportConfig {
    let mut config = settings::transport_config();
    config
        .initial_rtt(INITIAL_RTT)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE_INTERVAL))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES));
    config
}

fn socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    settings::bind(SocketAddr::new(any, 0))
}
