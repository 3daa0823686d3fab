//! A whole server of any game, in this process: a real socket on port 0, and everything else in memory.

use std::{
    net::TcpListener,
    sync::{Arc, mpsc},
    thread,
};

use quarrel_server::{
    config::{self, Config, FlagValue, GameDefaults, Sources},
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    server::{Server, ServerResources},
    storage::{
        MatchRecord, MemorySink,
        journals::{IncompleteRead, JournalStore, MemoryStore},
    },
    telemetry::Metrics,
};
use quarrel_shared::game::Game;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::{
    faulty::FaultyStore,
    proof::{Ending, Proof},
};

/// Where a test's server listens, for either plane.
const ANY_PORT: &str = "127.0.0.1:0";

/// Every room's randomness follows from this.
const SEED: u64 = 2_718_281_828;

/// A running server.
pub struct TestServer<G: Game> {
    server: Server<G>,
    records: MemorySink,
    proof: Proof<G>,
    /// Ends the storage's thread when it is dropped, where it has one.
    _storage: Option<oneshot::Sender<()>>,
}

/// Where journals go, and who waits for it.
struct Disk {
    store: Arc<dyn JournalStore>,
    kept: MemoryStore,
    storage: Handle,
    thread: Option<oneshot::Sender<()>>,
}

impl<G: Game> TestServer<G> {
    /// A server with these settings over the defaults, each a full name as in `room.seats` and its value as text.
    /// Needs a tokio runtime around it.
    #[must_use]
    pub fn start(settings: &[(&'static str, &str)]) -> Self {
        Self::launch(settings, None, Disk::of(MemoryStore::default()))
    }

    /// The same with a disk for its journals that can fail, and that only the storage's own thread waits for.
    ///
    /// # Panics
    /// When there is no such thread to be had.
    #[must_use]
    pub fn start_with_disk(settings: &[(&'static str, &str)], disk: &FaultyStore) -> Self {
        let (handle_in, handle) = mpsc::channel();
        let (ended, end) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
            handle_in.send(runtime.handle().clone()).expect("somebody waits for it");
            // Until the server is gone.
            let _ = runtime.block_on(end);
        });
        let storage = handle.recv().expect("a thread for the storage");
        let disk =
            Disk { store: Arc::new(disk.clone()), kept: disk.kept().clone(), storage, thread: Some(ended) };
        Self::launch(settings, None, disk)
    }

    /// The same with an operator's plane.
    #[must_use]
    pub fn start_with_http(settings: &[(&'static str, &str)]) -> Self {
        Self::launch(
            settings,
            Some(TcpListener::bind(ANY_PORT).expect("a TCP port for the operator's plane")),
            Disk::of(MemoryStore::default()),
        )
    }

    /// Where players connect to.
    #[must_use]
    pub const fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Where the operator's plane answers.
    #[must_use]
    pub fn http_address(&self) -> std::net::SocketAddr {
        self.server.http_address().expect("this server was started without an operator's plane")
    }

    /// The value of one line of the metrics, named with its labels as Prometheus has it; 0 when there is no such line yet.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        metric(&self.server, name)
    }

    /// Where match records go; it outlives the server.
    pub fn records(&self) -> impl Fn() -> Vec<MatchRecord> + use<G> {
        let records = self.records.clone();
        move || records.records()
    }

    /// Where rooms' journals go; it outlives the server.
    #[must_use]
    pub fn journals(&self) -> MemoryStore {
        self.proof.journals().clone()
    }

    /// Stops it; false when its grace period ran out first. Every journal is [verified](crate::proof) then.
    ///
    /// # Panics
    /// When a journal differs, or its room did not end as the server counted.
    pub async fn shutdown(self) -> bool {
        let Self { server, proof, _storage, .. } = self;
        let metrics = Arc::clone(server.metrics());
        let in_time = server.shutdown().await;
        let proven = proof.hold(if in_time { Ending::Stopped } else { Ending::Dropped });
        let failed = metrics.room_panics.get() + metrics.sync_mismatches.get();
        assert!(
            !in_time || metrics.joins.get() == 0 || proven.ticks > 0,
            "whoever played did so in a journal"
        );
        assert!(
            !in_time || proven.failed == failed,
            "{failed} rooms failed, and journals say {}",
            proven.failed
        );
        in_time
    }

    /// Stops it so that its rooms go on in another run; false when one of them could not be saved. What is in the journals is
    /// verified all the same.
    pub async fn shutdown_and_save(self) -> bool {
        let Self { server, proof, _storage, .. } = self;
        let is_saved = server.shutdown_and_save().await;
        proof.hold(Ending::Dropped);
        is_saved
    }

    fn launch(settings: &[(&'static str, &str)], http: Option<TcpListener>, disk: Disk) -> Self {
        // A scenario whose game is not deterministic ends with its room, whatever the build's default is; and whose journal is not
        // what was played fails at the very tick.
        let config = config::<G>(&[("room.sync_test", "on"), ("journal.checksum_ms", "1")], settings);
        let socket = endpoint::bind(config.net.listen).expect("a UDP port for players");
        let records = MemorySink::default();
        let resources = ServerResources {
            udp: UdpResources::from_socket(socket).expect("a tokio runtime for the socket"),
            tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
            keys: EndpointKeys::in_memory(b"scenarios"),
            http,
            records: records.clone(),
            seed: SEED,
            run: 1,
            journals: Some(disk.store),
            unclean_shutdown: None,
            incomplete_read: IncompleteRead::default(),
            room_runtime: Handle::current(),
            storage_runtime: disk.storage,
        };
        let server = Server::start(&config, resources).expect("a server on port 0 starts");
        Self { server, records, proof: Proof::of(disk.kept), _storage: disk.thread }
    }
}

impl Disk {
    fn of(kept: MemoryStore) -> Self {
        Self { store: Arc::new(kept.clone()), kept, storage: Handle::current(), thread: None }
    }
}

/// The value of one line of a server's metrics; 0 when there is no such line yet.
pub(crate) fn metric<G: Game>(server: &Server<G>, name: &str) -> f64 {
    value_of(server.metrics(), name)
}

/// The value of one line of these metrics; 0 when there is no such line yet.
pub(crate) fn value_of(metrics: &Metrics, name: &str) -> f64 {
    let text = metrics.render().expect("metrics render");
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or(0.0)
}

/// The configuration that a file or flags with these settings would give, over those of a kind of test.
pub(crate) fn config<G: Game>(kind: &[(&'static str, &str)], settings: &[(&'static str, &str)]) -> Config {
    let flag = |(key, value): (&'static str, &str)| FlagValue { key, value: value.to_owned(), flag: key };
    let listen = [("net.listen", ANY_PORT)];
    let flags = listen.iter().chain(kind).chain(settings).copied().map(flag).collect();
    let sources = Sources { flags, ..Sources::default() };
    config::load(&sources, &[defaults::<G>()]).expect("the test's settings are right")
}

fn defaults<G: Game>() -> GameDefaults {
    GameDefaults {
        name: G::NAME,
        seats: G::ROOM.seats,
        bots: G::ROOM.bots,
        bot_skill: G::SKILLS.first().copied().unwrap_or_default(),
        skills: G::SKILLS,
        settings: toml::Table::try_from(G::Settings::default()).expect("settings are a table"),
    }
}
