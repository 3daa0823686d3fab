//! A server of any game in this process: a real socket on port 0, and everything else in memory.

use std::{
    net::TcpListener,
    sync::{Arc, mpsc},
    thread,
};

use quarrel_server::{
    admin::access::AccessPolicy,
    config::{self, Config, FlagValue, GameDefaults, Sources},
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    server::{NetworkResources, ProcessResources, Server, ServerResources, StorageResources},
    storage::{
        MatchRecord, MemorySink,
        journals::{JournalStore, MemoryStore},
    },
    telemetry::Metrics,
};
use quarrel_shared::game::Game;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::{
    faulty_store::FaultyStore,
    replay_check::{ReplayCheck, ServerEnd},
};

/// The listen address of a test's server, for both planes.
const ANY_PORT: &str = "127.0.0.1:0";

/// The seed of all rooms.
const SEED: u64 = 2_718_281_828;

/// A running server.
pub struct TestServer<G: Game> {
    server: Server<G>,
    records: MemorySink,
    replay_check: ReplayCheck<G>,
    /// Ends the storage's own thread, if there is one, when it is dropped.
    _storage_thread: Option<oneshot::Sender<()>>,
}

/// A journal store and the runtime that writes to it.
struct StoreDisk {
    store: Arc<dyn JournalStore>,
    /// The journals below `store`, without its faults.
    journals: MemoryStore,
    runtime: Handle,
    thread: Option<oneshot::Sender<()>>,
}

impl<G: Game> TestServer<G> {
    /// Starts a server with these settings over the defaults, each a full key such as `room.seats` and its value as text.
    /// Needs a tokio runtime.
    #[must_use]
    pub fn start(settings: &[(&'static str, &str)]) -> Self {
        Self::launch(settings, None, StoreDisk::in_memory())
    }

    /// Starts a server whose journal store can fail; a stall of the store blocks only the storage's own thread.
    ///
    /// # Panics
    /// When that thread cannot start.
    #[must_use]
    pub fn start_with_disk(settings: &[(&'static str, &str)], disk: &FaultyStore) -> Self {
        let (handle_in, handle) = mpsc::channel();
        let (ended, end) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
            handle_in.send(runtime.handle().clone()).expect("the test must wait for the handle");
            // Until the server is dropped.
            let _ = runtime.block_on(end);
        });
        let runtime = handle.recv().expect("a thread for the storage");
        let disk = StoreDisk {
            store: Arc::new(disk.clone()),
            journals: disk.inner().clone(),
            runtime,
            thread: Some(ended),
        };
        Self::launch(settings, None, disk)
    }

    /// Starts a server with an admin HTTP server.
    #[must_use]
    pub fn start_with_http(settings: &[(&'static str, &str)]) -> Self {
        Self::launch(
            settings,
            Some(TcpListener::bind(ANY_PORT).expect("a free TCP port for the admin HTTP server")),
            StoreDisk::in_memory(),
        )
    }

    /// The address of the game port.
    #[must_use]
    pub const fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// The address of the admin HTTP server.
    ///
    /// # Panics
    /// When the server was started without one.
    #[must_use]
    pub fn http_address(&self) -> std::net::SocketAddr {
        self.server.http_address().expect("the server must be started with an admin HTTP server")
    }

    /// The value of one metric line, named with its labels as Prometheus prints it; 0 when the line does not exist yet.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        metric(&self.server, name)
    }

    /// The server's metrics, which outlive it.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(self.server.metrics())
    }

    /// A reader of the match records that outlives the server.
    pub fn records(&self) -> impl Fn() -> Vec<MatchRecord> + use<G> {
        let records = self.records.clone();
        move || records.records()
    }

    /// The rooms' journals; the store outlives the server.
    #[must_use]
    pub fn journals(&self) -> MemoryStore {
        self.replay_check.journals().clone()
    }

    /// Stops the server and [verifies](crate::replay_check) every journal; false when the grace period ran out first.
    ///
    /// # Panics
    /// When a journal differs from its replay, or the number of failed rooms differs from the server's count.
    pub async fn shutdown(self) -> bool {
        let Self { server, replay_check, _storage_thread, .. } = self;
        let metrics = Arc::clone(server.metrics());
        let in_time = server.shutdown().await;
        let totals = replay_check.verify(if in_time { ServerEnd::Stopped } else { ServerEnd::Dropped });
        let failed = metrics.room_panics.get() + metrics.sync_mismatches.get();
        assert!(
            !in_time || metrics.joins.get() == 0 || totals.ticks > 0,
            "the ticks of every player must be in a journal"
        );
        assert!(
            !in_time || totals.failed == failed,
            "the journals must record the {failed} rooms that failed, and they record {}",
            totals.failed
        );
        in_time
    }

    /// Saves the rooms for another run and stops the server; false when a room could not be saved. Verifies the journals as far as
    /// they are written.
    pub async fn shutdown_and_save(self) -> bool {
        let Self { server, replay_check, _storage_thread, .. } = self;
        let is_saved = server.shutdown_and_save().await;
        replay_check.verify(ServerEnd::Dropped);
        is_saved
    }

    fn launch(settings: &[(&'static str, &str)], http: Option<TcpListener>, disk: StoreDisk) -> Self {
        // The sync test fails a room of a nondeterministic game in every build, and a checksum in every tick makes a journal that
        // differs from the play fail at the first such tick.
        let config = config::<G>(&[("room.sync_test", "on"), ("journal.checksum_ms", "1")], settings);
        let socket = endpoint::bind(config.net.listen).expect("a free UDP port");
        let records = MemorySink::default();
        let network = NetworkResources {
            udp: UdpResources::from_socket(socket).expect("a tokio runtime for the socket"),
            tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
            keys: EndpointKeys::in_memory(b"scenarios"),
            http,
            access: Reloadable::new(AccessPolicy::LocalHost),
        };
        let storage = StorageResources {
            runtime: disk.runtime,
            ..StorageResources::clean(records.clone(), Some(disk.store), 1)
        };
        let process = ProcessResources::current();
        let resources = ServerResources { network, storage, process, seed: SEED };
        let server = Server::start(&config, resources).expect("a server on port 0 must start");
        let replay_check = ReplayCheck::new(disk.journals);
        Self { server, records, replay_check, _storage_thread: disk.thread }
    }
}

impl StoreDisk {
    fn in_memory() -> Self {
        let journals = MemoryStore::default();
        Self { store: Arc::new(journals.clone()), journals, runtime: Handle::current(), thread: None }
    }
}

/// The metric line of the inputs that were used.
pub const INPUTS_USED: &str = "quarrel_inputs_total{fate=\"used\"}";

/// The metric line of a counter by outcome.
#[must_use]
pub fn by_outcome(counter: &str, outcome: &str) -> String {
    format!("{counter}{{fate=\"{outcome}\"}}")
}

/// The value of one metric line of a server; 0 when the line does not exist yet.
pub(crate) fn metric<G: Game>(server: &Server<G>, name: &str) -> f64 {
    value_of(server.metrics(), name)
}

/// The value of one line of these metrics; 0 when the line does not exist yet.
pub(crate) fn value_of(metrics: &Metrics, name: &str) -> f64 {
    let text = metrics.render().expect("metrics must render");
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or(0.0)
}

/// Loads the configuration from `base` settings and the test's own `settings`, which override them.
pub(crate) fn config<G: Game>(base: &[(&'static str, &str)], settings: &[(&'static str, &str)]) -> Config {
    let flag = |(key, value): (&'static str, &str)| FlagValue { key, value: value.to_owned(), flag: key };
    let listen = [("net.listen", ANY_PORT)];
    let flags = listen.iter().chain(base).chain(settings).copied().map(flag).collect();
    let sources = Sources { flags, ..Sources::default() };
    config::load(&sources, &[GameDefaults::of::<G>()]).expect("the test's settings must be valid")
}
