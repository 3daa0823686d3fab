//! The socket of the simulated network: an implementation of quinn's UDP socket trait.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use quarrel_netsim::socket::AlwaysWritable;
use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};

use super::network::{PathId, SimNetwork};

/// A bound address. Dropping it frees the address; packets in flight to it are lost.
#[derive(Debug)]
pub struct SimSocket {
    network: Arc<SimNetwork>,
    address: SocketAddr,
}

impl SimSocket {
    /// Binds an address: a player's on its path, or the server's without a path. A path may have several addresses.
    ///
    /// # Panics
    /// When the address is already bound.
    #[must_use]
    pub fn bind(network: &Arc<SimNetwork>, address: SocketAddr, path: Option<PathId>) -> Arc<Self> {
        network.bind(address, path);
        Arc::new(Self { network: Arc::clone(network), address })
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        self.network.unbind(self.address);
    }
}

impl AsyncUdpSocket for SimSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.network.send(self.address, transmit);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.network.receive(self.address, context.waker(), |slot, packet| {
            let (Some(buffer), Some(meta)) = (buffers.get_mut(slot), meta.get_mut(slot)) else {
                return false;
            };
            let bytes = packet.contents.len().min(buffer.len());
            buffer[..bytes].copy_from_slice(&packet.contents[..bytes]);
            *meta = RecvMeta {
                addr: packet.from,
                len: bytes,
                stride: bytes,
                ecn: packet.ecn,
                dst_ip: Some(self.address.ip()),
            };
            true
        });
        if received == 0 { Poll::Pending } else { Poll::Ready(Ok(received)) }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn may_fragment(&self) -> bool {
        false
    }
}
