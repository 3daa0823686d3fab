//! A UDP socket that sends a connection's first packets more than once.
//!
//! Before the first answer a client knows no round trip and nothing can be acknowledged, so a lost packet is detected only by a timer.
//! The worst packet to lose is the client's last one of the handshake: without it the server cannot decrypt anything that follows, and
//! the timer is three round trips by then. So each handshake packet is sent twice at once, and because losses come in bursts, a copy of
//! each packet of the handshake and of the hello (the client's first message) follows 20 ms later: some 5 kB for a join. QUIC drops a
//! packet that it has received already, so the server needs no change.
//!
//! Only the client repeats packets: a server must not send an unvalidated address more than three times the bytes that it received.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{EcnCodepoint, RecvMeta, Transmit},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::net::opening::{Openings, PacketPhase};

/// The delay of a copy: long enough that a short burst of losses does not lose both the packet and its copy.
const COPY_DELAY: Duration = Duration::from_millis(20);

/// The maximum number of waiting copies, for a load tester that opens many connections at once. When the queue is full, a packet gets
/// no delayed copy.
const MAX_COPIES: usize = 256;

/// A UDP socket that wraps another one and repeats the packets that [`Openings`] classifies as handshake or hello.
#[derive(Debug)]
pub(crate) struct RepeatingSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    openings: Mutex<Openings>,
    epoch: Instant,
    /// The queue of the task that sends copies. The task ends when the sender is dropped.
    copies: mpsc::Sender<PacketCopy>,
}

/// A packet that waits to be sent again.
struct PacketCopy {
    due: Instant,
    destination: SocketAddr,
    ecn: Option<EcnCodepoint>,
    contents: Vec<u8>,
    segment_size: Option<usize>,
    src_ip: Option<IpAddr>,
}

impl RepeatingSocket {
    /// Wraps a socket.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        let (copies, waiting) = mpsc::channel(MAX_COPIES);
        tokio::spawn(send_copies(Arc::clone(&socket), waiting));
        Self { socket, openings: Mutex::default(), epoch: Instant::now(), copies }
    }

    fn classify(&self, packet: &[u8]) -> PacketPhase {
        let mut openings = self.openings.lock().unwrap_or_else(PoisonError::into_inner);
        openings.classify(packet, self.epoch.elapsed())
    }
}

/// Sends each copy when it is due. All have the same delay, so they stay in order.
async fn send_copies(socket: Arc<dyn AsyncUdpSocket>, mut waiting: mpsc::Receiver<PacketCopy>) {
    while let Some(copy) = waiting.recv().await {
        sleep_until(copy.due).await;
        // A copy that does not fit the socket's send buffer counts as lost.
        let _ = socket.try_send(&copy.transmit());
    }
}

impl PacketCopy {
    fn new(transmit: &Transmit<'_>) -> Self {
        Self {
            due: Instant::now() + COPY_DELAY,
            destination: transmit.destination,
            ecn: transmit.ecn,
            contents: transmit.contents.to_vec(),
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        }
    }

    fn transmit(&self) -> Transmit<'_> {
        Transmit {
            destination: self.destination,
            ecn: self.ecn,
            contents: &self.contents,
            segment_size: self.segment_size,
            src_ip: self.src_ip,
        }
    }
}

impl AsyncUdpSocket for RepeatingSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)?;
        let phase = self.classify(transmit.contents);
        if phase == PacketPhase::Handshake {
            // Send a copy at once, too: a server that receives the hello before the end of the handshake drops the hello, and later
            // also the hello's delayed copy, as a packet that it has received already. A full send buffer loses this copy, as a
            // network may.
            let _ = self.socket.try_send(transmit);
        }
        if phase != PacketPhase::Play {
            // The queue is full only when many connections open at once. Lost packets without a copy wait for QUIC's timer.
            let _ = self.copies.try_send(PacketCopy::new(transmit));
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_recv(context, buffers, meta)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that records each sent packet and its time.
    #[derive(Debug)]
    struct RecordingSocket(Mutex<Vec<(Instant, Vec<u8>)>>);

    impl AsyncUdpSocket for RecordingSocket {
        fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
            panic!("a recording socket is always writable")
        }

        fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
            self.0.lock().unwrap().push((Instant::now(), transmit.contents.to_vec()));
            Ok(())
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            _: &mut [IoSliceMut<'_>],
            _: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(SERVER)
        }
    }

    const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7777);

    #[tokio::test(start_paused = true)]
    async fn handshake_packets_are_repeated_and_play_packets_are_not() {
        let inner = Arc::new(RecordingSocket(Mutex::default()));
        let socket = RepeatingSocket::new(Arc::<RecordingSocket>::clone(&inner));
        let start = Instant::now();
        for contents in [[0xc3, 1], [0x43, 2], [0xe3, 3]] {
            let contents = &contents[..];
            let transmit =
                Transmit { destination: SERVER, ecn: None, contents, segment_size: None, src_ip: None };
            socket.try_send(&transmit).unwrap();
        }
        tokio::time::sleep(COPY_DELAY * 2).await;
        let sent: Vec<_> = inner.0.lock().unwrap().iter().map(|(at, sent)| (*at - start, sent[1])).collect();
        let now = Duration::ZERO;
        assert_eq!(
            sent,
            [(now, 1), (now, 1), (now, 2), (now, 3), (now, 3), (COPY_DELAY, 1), (COPY_DELAY, 3)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_wrapper_releases_the_socket() {
        let inner = Arc::new(RecordingSocket(Mutex::default()));
        drop(RepeatingSocket::new(Arc::<RecordingSocket>::clone(&inner)));
        tokio::time::sleep(COPY_DELAY).await;
        assert_eq!(Arc::strong_count(&inner), 1, "no task holds an unused socket");
    }
}
