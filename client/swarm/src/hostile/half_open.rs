//! The half-open attack: handshakes that are never completed. Each costs the server memory and a signature, until the server demands a
//! proof of the client's address (QUIC Retry).

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use quinn::{
    AsyncUdpSocket, Connecting, Endpoint, Runtime as _, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::record::HostileRecord;
use quarrel_client::{Connector, net::transport::endpoint_config};

/// The period of handshakes. 10 a second is the number of a server's handshake slots that one network may have.
const PERIOD: Duration = Duration::from_millis(100);

/// The time for which each handshake stays open: longer than a server waits, so that the server has to end the handshake.
const OPEN_FOR: Duration = Duration::from_secs(6);

/// The maximum number of handshakes that are open at once.
const MAX_OPEN: usize = 64;

/// The attacker's address if the server is on loopback: another network than 127.0.0.1. Otherwise attacker and players would share one
/// address, and the server's limit for that address would refuse the players before anything else is tested.
const OTHER_LOOPBACK: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);

/// Starts handshakes until the returned future is dropped, and counts them.
///
/// # Errors
/// When the system provides no socket.
pub(super) async fn run(connector: &Connector, record: &mut HostileRecord) -> io::Result<()> {
    let socket = Arc::new(SendOnlySocket::bind(connector.server())?);
    let endpoint_socket = Arc::<SendOnlySocket>::clone(&socket);
    let endpoint =
        Endpoint::new_with_abstract_socket(endpoint_config(), None, endpoint_socket, Arc::new(TokioRuntime))?;
    let connector = connector.with_endpoint(endpoint);
    let mut open: VecDeque<(Instant, Connecting)> = VecDeque::new();
    let mut every = interval(PERIOD);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        while open.pop_front_if(|(since, _)| since.elapsed() > OPEN_FOR).is_some() {
            record.count_end("no_answer");
        }
        if open.len() < MAX_OPEN {
            record.lives += 1;
            match connector.open_quic() {
                Ok(connecting) => open.push_back((Instant::now(), connecting)),
                Err(error) => record.count_end(error.name()),
            }
        }
        record.sent = socket.sent.load(Relaxed);
    }
}

/// A socket that sends, and discards every packet that arrives.
#[derive(Debug)]
struct SendOnlySocket {
    socket: Arc<dyn AsyncUdpSocket>,
    /// Number of packets sent.
    sent: AtomicU64,
}

impl SendOnlySocket {
    /// Binds a socket to [`OTHER_LOOPBACK`] if the server is on IPv4 loopback and the system has that address, and otherwise to any
    /// address.
    fn bind(server: SocketAddr) -> io::Result<Self> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let is_loopback = server.is_ipv4() && server.ip().is_loopback();
        // Not every system routes all of 127.0.0.0/8.
        let other = is_loopback.then(|| UdpSocket::bind((OTHER_LOOPBACK, 0)).ok()).flatten();
        let socket = other.map_or_else(|| UdpSocket::bind((any, 0)), Ok)?;
        Ok(Self { socket: TokioRuntime.wrap_udp_socket(socket)?, sent: AtomicU64::new(0) })
    }
}

impl AsyncUdpSocket for SendOnlySocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)?;
        self.sent.fetch_add(1, Relaxed);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_recv(context, buffers, metas))?;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
