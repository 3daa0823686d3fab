//! A peer whose network is gone: nothing it sends arrives, not even a goodbye, and nothing arrives at it.

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
    /// The peer's network is gone, and then so is the peer. The server finds out by its silence.
    pub fn vanish(self) {
        self.endpoint.rebind_abstract(Arc::new(BlackHole)).expect("an endpoint moves to any socket");
    }
}

/// A socket that sends into nowhere and receives from there.
#[derive(Debug)]
struct BlackHole;

impl AsyncUdpSocket for BlackHole {
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

impl UdpPoller for BlackHole {
    fn poll_writable(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
