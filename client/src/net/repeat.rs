//! A socket that repeats what opens a connection: see [`Openings`].
//!
//! Before the first answer a client knows no round trip and nothing can be acknowledged, so a lost packet is found by a timer only.
//! The worst one to lose is the client's last of the handshake: all that it says behind it cannot be read, and the timer is three
//! round trips by then. So each goes out again at once and, since losses come in bursts, a little later: some 5 kB in a whole join. QUIC
//! drops a packet that it has seen already, so the other end need not know.
//!
//! Only what the client says is repeated: a server must not answer an address that has proven nothing with more than three times what it got.

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

use crate::net::opening::{Openings, Part};

/// How much later a copy goes out: long enough that a short burst of losses does not take both.
const LATER: Duration = Duration::from_millis(20);

/// Copies that wait, at most: a load tester's storm of newcomers. When it is full a packet goes out only once, as without this.
const COPIES: usize = 256;

/// A UDP socket around another one.
#[derive(Debug)]
pub(crate) struct RepeatingSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    openings: Mutex<Openings>,
    epoch: Instant,
    /// The task at the other end ends with it.
    copies: mpsc::Sender<Copy>,
}

/// A packet that waits to be sent again.
struct Copy {
    due: Instant,
    destination: SocketAddr,
    ecn: Option<EcnCodepoint>,
    contents: Vec<u8>,
    segment_size: Option<usize>,
    src_ip: Option<IpAddr>,
}

impl RepeatingSocket {
    /// Around this socket. Needs a tokio runtime around it.
    pub(crate) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        let (copies, waiting) = mpsc::channel(COPIES);
        tokio::spawn(send_again(Arc::clone(&socket), waiting));
        Self { socket, openings: Mutex::default(), epoch: Instant::now(), copies }
    }

    fn part(&self, packet: &[u8]) -> Part {
        let mut openings = self.openings.lock().unwrap_or_else(PoisonError::into_inner);
        openings.hear(packet, self.epoch.elapsed())
    }
}

/// Sends each copy when it is due. All wait equally long, so they stay in order.
async fn send_again(socket: Arc<dyn AsyncUdpSocket>, mut waiting: mpsc::Receiver<Copy>) {
    while let Some(copy) = waiting.recv().await {
        sleep_until(copy.due).await;
        // A copy that the socket has no room for is one that got lost.
        let _ = socket.try_send(&copy.transmit());
    }
}

impl Copy {
    fn of(transmit: &Transmit<'_>) -> Self {
        Self {
            due: Instant::now() + LATER,
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
        let part = self.part(transmit.contents);
        if part == Part::Handshake {
            // At once too: a server that reads a hello and then the handshake's end throws the hello away, and its copy as well,
            // for it has seen that packet. A socket without room loses it, as a network may.
            let _ = self.socket.try_send(transmit);
        }
        if part != Part::Play {
            // Full means that there are so many newcomers that some may well wait for a timer.
            let _ = self.copies.try_send(Copy::of(transmit));
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

    /// Remembers what was sent and when.
    #[derive(Debug)]
    struct Paper(Mutex<Vec<(Instant, Vec<u8>)>>);

    impl AsyncUdpSocket for Paper {
        fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
            panic!("paper is always writable")
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
    async fn a_handshakes_packets_are_repeated_and_play_is_not() {
        let paper = Arc::new(Paper(Mutex::default()));
        let socket = RepeatingSocket::new(Arc::<Paper>::clone(&paper));
        let began = Instant::now();
        for contents in [[0xc3, 1], [0x43, 2], [0xe3, 3]] {
            let contents = &contents[..];
            let transmit =
                Transmit { destination: SERVER, ecn: None, contents, segment_size: None, src_ip: None };
            socket.try_send(&transmit).unwrap();
        }
        tokio::time::sleep(LATER * 2).await;
        let sent: Vec<_> = paper.0.lock().unwrap().iter().map(|(at, sent)| (*at - began, sent[1])).collect();
        let now = Duration::ZERO;
        assert_eq!(sent, [(now, 1), (now, 1), (now, 2), (now, 3), (now, 3), (LATER, 1), (LATER, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_socket_is_let_go_with_its_wrapping() {
        let paper = Arc::new(Paper(Mutex::default()));
        drop(RepeatingSocket::new(Arc::<Paper>::clone(&paper)));
        tokio::time::sleep(LATER).await;
        assert_eq!(Arc::strong_count(&paper), 1, "no task holds a socket that nobody uses");
    }
}
