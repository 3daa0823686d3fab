//! Socket and QUIC settings that both ends share. Each number has its measurement in its comment.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use quinn::{AckFrequencyConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};

/// Length of connection ids, in bytes. With quinn's default of 8 (a 3-byte nonce and a hash), together with Retry, some joins hung
/// once thousands of connections were open.
pub const CONNECTION_ID_BYTES: usize = 16;

/// Size of each socket buffer, in bytes. The kernel's default of 208 KiB dropped up to 23,000 datagrams with 400 clients.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Binds a UDP socket with large buffers. Bound to `[::]`, it serves both address families.
///
/// # Errors
/// When the address is in use or does not belong to this machine.
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

/// Asks the peer to acknowledge every tenth packet or after 100 ms, so that acknowledgements travel with its next snapshot or
/// input: at 60 Hz up and 30 Hz down, 60 server packets a second become 30.
#[must_use]
pub fn ack_frequency() -> AckFrequencyConfig {
    let mut config = AckFrequencyConfig::default();
    config
        .ack_eliciting_threshold(VarInt::from_u32(10))
        .max_ack_delay(Some(Duration::from_millis(100)))
        .reordering_threshold(VarInt::from_u32(3));
    config
}
