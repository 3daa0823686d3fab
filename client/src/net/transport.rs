//! QUIC settings and sockets of a client.
//!
//! The initial round trip is measured by `tests/bench/joins.sh`; the settings that both ends share are in
//! [`quarrel_transport::settings`].

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

/// The assumed round trip before one is measured: a packet that is not answered within three of them is sent again. A client that is
/// farther away sends some packets needlessly; with quinn's 333 ms, a lost first packet would cost a second.
const INITIAL_RTT: Duration = Duration::from_millis(50);

/// The silence after which the connection counts as lost.
const IDLE_TIMEOUT_MS: u32 = 10_000;

/// The interval of keep-alive packets: three within the idle timeout.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// Two input datagrams of the largest size and some small ones. A datagram that waits longer is outdated; the oldest is dropped.
const DATAGRAM_SEND_BYTES: usize = 2400;

/// Several seconds of snapshots, for a program that is paused for a moment.
const DATAGRAM_RECEIVE_BYTES: usize = 64 * 1024;

/// One whole keyframe. The connection's window is twice that, so that the control stream does not wait for a keyframe.
const STREAM_WINDOW_BYTES: u32 = MAX_KEYFRAME_BYTES as u32;
const CONNECTION_WINDOW_BYTES: u32 = 2 * STREAM_WINDOW_BYTES;

/// The maximum of unacknowledged stream bytes from this side: control messages, which are short.
const SEND_WINDOW_BYTES: u64 = 64 * 1024;

/// The maximum of handshake bytes received out of order.
const CRYPTO_BUFFER_BYTES: usize = 8 * 1024;

/// The maximum number of streams that the server may have open at once, of each kind.
const MAX_STREAMS: u32 = 4;

/// Opens an endpoint on a new socket, of the same address family as `server`. Many connections may share it. Must be called within a
/// tokio runtime.
///
/// # Errors
/// When the system has no socket left.
pub fn open_endpoint(server: SocketAddr) -> io::Result<Endpoint> {
    open_endpoint_with(server, |socket| socket)
}

/// Opens an endpoint as [`open_endpoint`] does, with the system's socket wrapped by `layer`, for example in a simulated link.
///
/// # Errors
/// As [`open_endpoint`].
pub fn open_endpoint_with(
    server: SocketAddr,
    layer: impl FnOnce(Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket>,
) -> io::Result<Endpoint> {
    let socket = wrap_abstract(layer(TokioRuntime.wrap_udp_socket(socket(server)?)?));
    Endpoint::new_with_abstract_socket(endpoint_config(), None, socket, Arc::new(TokioRuntime))
}

/// Prepares a socket for a client's endpoint: it repeats the first packets of each connection. Must be called within a tokio runtime.
///
/// # Errors
/// When the socket cannot be registered with the runtime.
pub fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    Ok(wrap_abstract(TokioRuntime.wrap_udp_socket(socket)?))
}

/// Prepares a socket as [`wrap`] does, for one that is not the system's.
#[must_use]
pub fn wrap_abstract(socket: Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket> {
    Arc::new(RepeatingSocket::new(socket))
}

/// The settings of an endpoint, for programs that open one on their own socket.
#[must_use]
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.cid_generator(|| Box::new(RandomConnectionIdGenerator::new(CONNECTION_ID_BYTES)));
    config
}

/// The QUIC settings of a connection.
#[must_use]
pub fn transport_config() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .initial_rtt(INITIAL_RTT)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE_INTERVAL))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_STREAMS))
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
