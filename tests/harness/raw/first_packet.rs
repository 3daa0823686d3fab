//! A newcomer's first packet and nothing after it: what a half-open handshake is made of.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::RawPeer;
use crate::wait::within;

/// More than any UDP datagram of a handshake.
const PACKET_BYTES: usize = 2048;

/// A socket from which one first packet was sent. It never completes a handshake, so the server waits for it.
pub struct FirstPacket {
    answers: UdpSocket,
}

impl FirstPacket {
    /// Sends a server the first packet of a good handshake.
    ///
    /// # Panics
    /// When the system gives no socket.
    pub async fn send(server: SocketAddr) -> Self {
        let anywhere = (Ipv4Addr::LOCALHOST, 0);
        // A real client writes the packet, to a socket that is not the server's: it never hears an answer.
        let nowhere = UdpSocket::bind(anywhere).await.expect("a UDP port");
        let there = nowhere.local_addr().expect("a bound socket has an address");
        let mut packet = [0; PACKET_BYTES];
        let bytes = tokio::select! {
            _ = RawPeer::try_connect(there) => panic!("nobody answers that client"),
            received = within("a first packet", nowhere.recv(&mut packet)) => received.expect("a packet"),
        };
        let answers = UdpSocket::bind(anywhere).await.expect("a UDP port");
        answers.send_to(&packet[..bytes], server).await.expect("a packet can be sent");
        Self { answers }
    }

    /// Whether the server answers with a Retry: it wants the address proven before it does anything else.
    ///
    /// # Panics
    /// When the server does not answer with the first packet of a handshake.
    pub async fn is_told_to_retry(&self) -> bool {
        let mut packet = [0; PACKET_BYTES];
        let bytes = within("an answer to a first packet", self.answers.recv(&mut packet)).await;
        let is_answer = bytes.is_ok_and(|bytes| bytes > 0) && packet[0] & LONG_HEADER != 0;
        assert!(is_answer, "a handshake is answered with a long header");
        packet[0] & TYPE_BITS == RETRY
    }
}

/// The first byte of a QUIC packet, RFC 9000, 17.2.
const LONG_HEADER: u8 = 0x80;
const TYPE_BITS: u8 = 0x30;
const RETRY: u8 = 0x30;
