//! A UDP socket that counts the traffic of all connections: handshakes, retries and refusals, and packets that belong to no connection.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use crate::telemetry::traffic::SocketTraffic;

/// Wraps the players' socket, and counts its datagrams and payload bytes.
pub(super) struct CountingSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    traffic: Arc<SocketTraffic>,
}

impl CountingSocket {
    pub(super) const fn new(socket: Arc<dyn AsyncUdpSocket>, traffic: Arc<SocketTraffic>) -> Self {
        Self { socket, traffic }
    }
}

impl fmt::Debug for CountingSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}

impl AsyncUdpSocket for CountingSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)?;
        let bytes = transmit.contents.len();
        self.traffic.sent.add(datagrams(bytes, transmit.segment_size.unwrap_or(bytes)), bytes as u64);
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let reads = ready!(self.socket.poll_recv(cx, buffers, metas))?;
        let read = metas.iter().take(reads);
        let counts = read.map(|meta| (datagrams(meta.len, meta.stride), meta.len as u64));
        let (count, bytes) = counts.fold((0, 0), |sum, meta| (sum.0 + meta.0, sum.1 + meta.1));
        self.traffic.received.add(count, bytes);
        Poll::Ready(Ok(reads))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

/// The number of datagrams in one buffer. The system sends and receives several datagrams of one size at once (GSO and GRO), of which the
/// last may be shorter.
const fn datagrams(bytes: usize, size: usize) -> u64 {
    if size == 0 { 1 } else { bytes.div_ceil(size) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_that_the_system_joins_are_counted_one_by_one() {
        assert_eq!(datagrams(1200, 1200), 1);
        assert_eq!(datagrams(3600, 1200), 3);
        assert_eq!(datagrams(3601, 1200), 4, "the last datagram of a buffer may be shorter");
        assert_eq!(datagrams(0, 0), 1, "an empty datagram is a datagram");
    }
}
