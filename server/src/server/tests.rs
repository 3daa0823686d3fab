//! Starts that a request to stop ends, and a server that loses its endpoint.

use std::{
    io::{self, IoSliceMut},
    pin::Pin,
    task::{Context, Poll},
};

use quarrel_shared::crowd::Crowd;
use quinn::{
    AsyncUdpSocket, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    admin::access::AccessPolicy,
    config::{self, GameDefaults, Sources},
    hooked_store::HookedStore,
    net::{UdpResources, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    storage::{MemorySink, journals::JournalStore},
};

/// A socket whose receives wait or fail, and which discards what it sends.
#[derive(Debug)]
struct TestSocket {
    is_broken: bool,
}

impl AsyncUdpSocket for TestSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Self { is_broken: false })
    }

    fn try_send(&self, _transmit: &Transmit<'_>) -> io::Result<()> {
        Ok(())
    }

    fn poll_recv(
        &self,
        _context: &mut Context<'_>,
        _buffers: &mut [IoSliceMut<'_>],
        _metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken { Poll::Ready(Err(io::ErrorKind::Other.into())) } else { Poll::Pending }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 9)))
    }
}

impl UdpPoller for TestSocket {
    fn poll_writable(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Starts a server on this socket, with an empty store that calls `before_read` before it is read.
fn start(
    is_broken: bool,
    stop: CancellationToken,
    before_read: impl Fn() + Send + Sync + 'static,
) -> Result<Server<Crowd>, StartError> {
    let config = config::load(&Sources::default(), &[GameDefaults::of::<Crowd>()]).unwrap();
    let udp = UdpResources {
        socket: Arc::new(TestSocket { is_broken }),
        runtime: Arc::new(TokioRuntime),
        seed: None,
        time: None,
    };
    let network = NetworkResources {
        udp,
        tls: Arc::new(ServerTls::in_memory().unwrap()),
        keys: EndpointKeys::in_memory(b"tests"),
        http: None,
        access: Reloadable::new(AccessPolicy::LocalHost),
    };
    let store: Arc<dyn JournalStore> = Arc::new(HookedStore::new(before_read));
    let storage = StorageResources::clean(MemorySink::default(), Some(store), 1);
    let process = ProcessResources { stop, ..ProcessResources::current() };
    Server::start(&config, ServerResources { network, storage, process, seed: 1 })
}

#[tokio::test]
async fn a_stop_before_a_start_reads_no_journals() {
    let stop = CancellationToken::new();
    stop.cancel();
    let started = start(false, stop, || panic!("a stopped start must not read journals"));
    assert!(matches!(started, Err(StartError::Stopped)));
}

#[tokio::test]
async fn a_stop_during_a_stage_ends_the_start_after_that_stage() {
    let stop = CancellationToken::new();
    let requested = stop.clone();
    // The last check while journals are read comes before the last journal, so this stop must be noticed after the stage.
    let started = start(false, stop, move || requested.cancel());
    assert!(matches!(started, Err(StartError::Stopped)));
}

#[tokio::test]
async fn a_server_that_loses_its_endpoint_fails_instead_of_being_deaf() {
    let server = start(true, CancellationToken::new(), || {}).unwrap();
    let failed = timeout(Duration::from_secs(20), server.failed()).await;
    failed.expect("the caller must learn that no player can reach the server");
    assert!(server.has_failed());
    assert!(server.shutdown().await, "the rest of the server must stop in time");
}
