//! Handshakes that are begun and never finished. Each costs a server memory and a signature, until it asks for a proof of the address.

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

/// How often another one begins: as many a second as one network may have of a server's turns.
const PERIOD: Duration = Duration::from_millis(100);

/// How long each is kept: longer than a server waits for it, so that the server has to end it.
const KEPT: Duration = Duration::from_secs(6);

/// How many are open at once, at most.
const MOST: usize = 64;

/// Another network of this machine. Who attacks is not who plays: on loopback they would have one address, and the limit of that
/// address would keep the players out before anything else was tested.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);

/// Begins handshakes for ever.
///
/// # Errors
/// When the system gives no socket.
pub(super) async fn open(connector: &Connector, record: &mut HostileRecord) -> io::Result<()> {
    let socket = Arc::new(DeafSocket::bind(connector.server())?);
    let deaf = Arc::<DeafSocket>::clone(&socket);
    let endpoint = Endpoint::new_with_abstract_socket(endpoint_config(), None, deaf, Arc::new(TokioRuntime))?;
    let connector = connector.with_endpoint(endpoint);
    let mut open: VecDeque<(Instant, Connecting)> = VecDeque::new();
    let mut every = interval(PERIOD);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        while open.pop_front_if(|(since, _)| since.elapsed() > KEPT).is_some() {
            record.count("no_answer");
        }
        if open.len() < MOST {
            record.lives += 1;
            match connector.open_quic() {
                Ok(connecting) => open.push_back((Instant::now(), connecting)),
                Err(error) => record.count(error.name()),
            }
        }
        record.sent = socket.sent.load(Relaxed);
    }
}

/// A socket that sends, and lets go of whatever comes.
#[derive(Debug)]
struct DeafSocket {
    socket: Arc<dyn AsyncUdpSocket>,
    sent: AtomicU64,
}

impl DeafSocket {
    fn bind(server: SocketAddr) -> io::Result<Self> {
        let any = match server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let is_here = server.is_ipv4() && server.ip().is_loopback();
        // Not every system has all of 127.0.0.0/8.
        let elsewhere = is_here.then(|| UdpSocket::bind((ELSEWHERE, 0)).ok()).flatten();
        let socket = elsewhere.map_or_else(|| UdpSocket::bind((any, 0)), Ok)?;
        Ok(Self { socket: TokioRuntime.wrap_udp_socket(socket)?, sent: AtomicU64::new(0) })
    }
}

impl AsyncUdpSocket for DeafSocket {
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
