//! Socket and QUIC settings that both ends share.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quarrel_shared::limits::MAX_KEYFRAME_BYTES;
use quinn::{AckFrequencyConfig, TransportConfig, VarInt};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::congestion::FlooredCubicConfig;

/// Length of connection ids, in bytes. With quinn's default of 8 (a 3-byte nonce and a hash), together with Retry, some joins hung
/// once thousands of connections were open.
pub const CONNECTION_ID_BYTES: usize = 16;

/// Requested size of each socket buffer, in bytes. With the kernel's default of 208 KiB up to 23,000 datagrams were dropped with 400
/// clients.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// The maximum number of streams of each kind that the peer may have open at once. A client opens one, for control messages. A server
/// opens one for each keyframe, and the next keyframe may be due while an earlier one is retransmitted.
const MAX_STREAMS: u32 = 4;

/// The maximum of unacknowledged stream bytes from one side: the largest keyframe of a server. A client's control messages are shorter.
const SEND_WINDOW_BYTES: u64 = MAX_KEYFRAME_BYTES as u64;

/// The send buffer for datagrams of one connection: two of the largest (1,100 bytes each) and some small ones. When it is full, the
/// oldest datagram is dropped, because its inputs or its snapshot are outdated.
const DATAGRAM_SEND_BYTES: usize = 2400;

/// The maximum of handshake bytes received out of order: ample, because a handshake with a short certificate chain has 1 to 4 KB.
pub const CRYPTO_BUFFER_BYTES: usize = 8 * 1024;

/// Returns the connection settings that server and client share. Each end adds its timeouts, its first round trip and its receive
/// windows, because they receive different things.
#[must_use]
pub fn transport_config() -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .send_window(SEND_WINDOW_BYTES)
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_STREAMS))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES)
        .crypto_buffer_size(CRYPTO_BUFFER_BYTES)
        .congestion_controller_factory(Arc::new(FlooredCubicConfig::default()))
        .ack_frequency_config(Some(ack_frequency()));
    config
}

/// Binds a UDP socket with large buffers. A socket bound to `[::]` serves IPv4 and IPv6.
///
/// # Errors
/// When the socket cannot be opened, or the address is in use or does not belong to this machine.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // The kernel caps the size. A smaller buffer still works, so a refusal is ignored.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The sizes of a socket's buffers, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketBuffers {
    /// The buffer of received packets.
    pub receive: usize,
    /// The buffer of packets to send.
    pub send: usize,
}

/// Returns the sizes that the system gave to a socket's buffers.
///
/// # Errors
/// When the system does not report them.
pub fn socket_buffers(socket: &UdpSocket) -> io::Result<SocketBuffers> {
    let socket = SockRef::from(socket);
    // Linux reports twice the size that was set, because it reserves as much again for its own bookkeeping (socket(7)).
    Ok(SocketBuffers { receive: socket.recv_buffer_size()? / 2, send: socket.send_buffer_size()? / 2 })
}

/// Returns settings that ask the peer to acknowledge after more than ten packets or 100 ms (quinn limits this time to the round trip
/// or 25 ms, the longer of the two), so that acknowledgements travel with the peer's next snapshot or input: with 60 inputs and 30
/// snapshots a second, the server sends 30 packets a second instead of 60.
fn ack_frequency() -> AckFrequencyConfig {
    let mut config = AckFrequencyConfig::default();
    config
        .ack_eliciting_threshold(VarInt::from_u32(10))
        .max_ack_delay(Some(Duration::from_millis(100)))
        .reordering_threshold(VarInt::from_u32(3));
    config
}
