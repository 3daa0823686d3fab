//! A socket that discards all packets, for peers whose network is cut.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use super::RawPeer;

impl RawPeer {
    /// Cuts the peer's network and drops the peer. No close arrives, so the server learns of it by the idle timeout.
    pub fn cut_network(self) {
        self.endpoint.rebind_abstract(Arc::new(NullSocket)).expect("an endpoint must accept any socket");
    }
}

/// A socket that discards what it sends and never receives.
#[derive(Debug)]
struct NullSocket;

impl AsyncUdpSocket for NullSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Self)
    }

    fn try_send(&self, _transmit: &Transmit<'_>) -> io::Result<()> {
        Ok(())
    }

    fn poll_recv(
        &self,
        _cx: &mut Context<'_>,
        _bufs: &mut [IoSliceMut<'_>],
        _meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 9)))
    }
}

impl UdpPoller for NullSocket {
    fn poll_writable(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
