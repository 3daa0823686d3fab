//! The socket of the simulated network: an implementation of quinn's UDP socket trait.

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

use super::network::Network;

/// A bound address. Dropping it frees the address; packets in flight to it are lost.
#[derive(Debug)]
pub struct SimSocket {
    network: Arc<Network>,
    address: SocketAddr,
}

impl SimSocket {
    pub(super) const fn new(network: Arc<Network>, address: SocketAddr) -> Self {
        Self { network, address }
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

/// A poller that is always writable, because queues and losses belong to the link.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
