//! The first packet of a QUIC handshake without any later one: a half-open handshake.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::RawPeer;
use crate::wait::within;

/// The receive buffer, larger than any UDP datagram of a handshake.
const PACKET_BYTES: usize = 2048;

/// A socket that sent one first packet. It never completes the handshake, so the server keeps waiting for it.
pub struct FirstPacket {
    socket: UdpSocket,
}

impl FirstPacket {
    /// Sends the first packet of a valid handshake.
    ///
    /// # Panics
    /// When the socket cannot be bound.
    pub async fn send(server: SocketAddr) -> Self {
        let any_port = (Ipv4Addr::LOCALHOST, 0);
        // A real client sends the packet to this socket instead of the server, and gets no answer.
        let capture = UdpSocket::bind(any_port).await.expect("a free UDP port");
        let captured = capture.local_addr().expect("a bound socket must have an address");
        let mut packet = [0; PACKET_BYTES];
        let bytes = tokio::select! {
            _ = RawPeer::try_connect(captured) => panic!("the client must not connect to the capturing socket"),
            received = within("a first packet", capture.recv(&mut packet)) => received.expect("a packet"),
        };
        let socket = UdpSocket::bind(any_port).await.expect("a free UDP port");
        socket.send_to(&packet[..bytes], server).await.expect("the packet must be sent");
        Self { socket }
    }

    /// Whether the server answers with a Retry packet, which asks the client to validate its address first.
    ///
    /// # Panics
    /// When the answer does not belong to a handshake.
    pub async fn receives_retry(&self) -> bool {
        let mut packet = [0; PACKET_BYTES];
        let bytes = within("an answer to a first packet", self.socket.recv(&mut packet)).await;
        let is_answer = bytes.is_ok_and(|bytes| bytes > 0) && packet[0] & LONG_HEADER != 0;
        assert!(is_answer, "the answer to a first packet must have a long header");
        packet[0] & TYPE_BITS == RETRY
    }
}

/// Bits of the first byte of a QUIC packet, RFC 9000, section 17.2.
const LONG_HEADER: u8 = 0x80;
const TYPE_BITS: u8 = 0x30;
const RETRY: u8 = 0x30;
