//! A server on threads of its own that can be killed at once, as by SIGKILL, restarted or stopped. Its successor takes over its
//! port, keys, journals and match records.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use quarrel_client::{ClientEvent, Joined};
use quarrel_server::{
    admin::access::AccessPolicy,
    config::Config,
    data_dir::UncleanShutdown,
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    server::{NetworkResources, ProcessResources, Server, ServerResources, StorageResources},
    storage::{MemorySink, journals::MemoryStore},
    telemetry::Metrics,
};
use quarrel_shared::{
    game::{Game, Predict},
    tick::Tick,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::{
    player::Player,
    server::{config, value_of},
};

/// The longest that the threads of a killed server take to end: each finishes its current poll.
const THREAD_END_TIMEOUT: Duration = Duration::from_secs(20);

/// A server that can be killed.
pub struct KillableServer {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    persisted: PersistedState,
    end: oneshot::Sender<EndMode>,
    thread: JoinHandle<()>,
}

/// The state that outlives a server: its storage, its address and its run number.
#[derive(Clone, Debug)]
pub struct PersistedState {
    /// The written journals.
    pub journals: MemoryStore,
    /// The written match records.
    pub records: MemorySink,
    listen: SocketAddr,
    run: u32,
    was_killed: bool,
}

/// A request to end a server.
enum EndMode {
    Kill,
    Restart,
    Stop,
}

impl KillableServer {
    /// Starts run 1 on a free port, with these settings over the defaults.
    ///
    /// # Panics
    /// When it cannot start.
    #[must_use]
    pub fn start<G: Game>(settings: &[(&'static str, &str)]) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (journals, records) = (MemoryStore::default(), MemorySink::default());
        PersistedState { journals, records, listen, run: 0, was_killed: false }.start::<G>(settings)
    }

    /// The address of the game port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The persisted state.
    #[must_use]
    pub const fn persisted(&self) -> &PersistedState {
        &self.persisted
    }

    /// The value of one metric line, named with its labels; 0 when the line does not exist yet.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        value_of(&self.metrics, name)
    }

    /// Kills the server: it neither notifies its players nor writes anything more.
    ///
    /// # Panics
    /// When the server has already ended.
    #[must_use]
    pub fn kill(self) -> PersistedState {
        self.end(EndMode::Kill)
    }

    /// Stops the server for a restart: it saves its rooms and notifies its players.
    ///
    /// # Panics
    /// When the server has already ended.
    #[must_use]
    pub fn restart(self) -> PersistedState {
        self.end(EndMode::Restart)
    }

    /// Stops the server and ends its rooms.
    ///
    /// # Panics
    /// When the server has already ended.
    #[must_use]
    pub fn stop(self) -> PersistedState {
        self.end(EndMode::Stop)
    }

    fn end(self, mode: EndMode) -> PersistedState {
        let was_killed = matches!(mode, EndMode::Kill);
        assert!(self.end.send(mode).is_ok(), "the server must still run");
        self.thread.join().expect("the server's thread must not panic");
        PersistedState { listen: self.address, was_killed, ..self.persisted }
    }
}

impl PersistedState {
    /// Drops all match records, as if the storage had not written them before the kill.
    #[must_use]
    pub fn without_records(self) -> Self {
        Self { records: MemorySink::default(), ..self }
    }

    /// Starts the next run on the same port, with these settings over the defaults.
    ///
    /// # Panics
    /// When it cannot start.
    #[must_use]
    pub fn start<G: Game>(self, settings: &[(&'static str, &str)]) -> KillableServer {
        let persisted = Self { run: self.run + 1, ..self };
        let config = config::<G>(&[("room.sync_test", "on")], settings);
        let (end, end_out) = oneshot::channel();
        let (started_in, started) = mpsc::channel();
        let state = persisted.clone();
        let thread = thread::spawn(move || run_until_end::<G>(&config, state, &started_in, end_out));
        let (address, metrics) = started.recv().expect("the server must start");
        KillableServer { address, metrics, persisted, end, thread }
    }
}

/// Runs a server on this thread until its end is requested.
fn run_until_end<G: Game>(
    config: &Config,
    persisted: PersistedState,
    started: &mpsc::Sender<(SocketAddr, Arc<Metrics>)>,
    end: oneshot::Receiver<EndMode>,
) {
    let network = Builder::new_current_thread().enable_all().build().expect("a runtime for the network");
    let rooms = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let rooms = rooms.expect("a runtime for rooms");
    network.block_on(async {
        let server = start::<G>(config, persisted, rooms.handle());
        started
            .send((server.address(), Arc::clone(server.metrics())))
            .expect("the test must wait for the start");
        match end.await {
            Ok(EndMode::Restart) => assert!(server.shutdown_and_save().await, "the server must stop in time"),
            Ok(EndMode::Stop) => assert!(server.shutdown().await, "the server must stop in time"),
            Ok(EndMode::Kill) | Err(_) => {}
        }
    });
    // All running tasks are dropped where they stand. Rooms and storage go first: as in a killed process, they must not see the
    // sessions end, and they must not write into the storage of the next server.
    rooms.shutdown_timeout(THREAD_END_TIMEOUT);
    network.shutdown_background();
}

fn start<G: Game>(config: &Config, persisted: PersistedState, rooms: &Handle) -> Server<G> {
    let PersistedState { journals, records, listen, run, was_killed } = persisted;
    let socket = endpoint::bind(listen).expect("the port must be free");
    let network = NetworkResources {
        udp: UdpResources::from_socket(socket).expect("a tokio runtime for the socket"),
        tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
        keys: EndpointKeys::in_memory(b"a server that can die"),
        http: None,
        access: Reloadable::new(AccessPolicy::LocalHost),
    };
    let storage = StorageResources {
        unclean_shutdown: was_killed.then(|| UncleanShutdown { run: run - 1, since: None }),
        runtime: rooms.clone(),
        ..StorageResources::clean(records, Some(Arc::new(journals)), run)
    };
    let process = ProcessResources { room_runtime: rooms.clone(), ..ProcessResources::current() };
    let resources = ServerResources { network, storage, process, seed: u64::from(run) };
    Server::start(config, resources).expect("the server must start")
}

/// Waits until a player's connection is interrupted.
pub async fn wait_for_interruption<G: Predict>(player: &mut Player<G>) {
    let interrupted = |event| matches!(event, ClientEvent::Interrupted).then_some(());
    player.wait_for("the interruption of the connection", interrupted).await;
}

/// Waits until a player has resumed the same seat in a restored room.
///
/// # Panics
/// When the seat differs, the room was closed, or the room was not restored from its journal.
pub async fn wait_for_resume<G: Predict>(player: &mut Player<G>, before: &Joined) -> Joined {
    let resumed = |event| match event {
        ClientEvent::Resumed(joined) => Some(joined),
        ClientEvent::RoomClosed { sentence, .. } => panic!("the seat was not restored: {sentence}"),
        _ => None,
    };
    let joined = player.wait_for("the resumed seat", resumed).await;
    assert_eq!((joined.room, joined.seat), (before.room, before.seat), "a player must resume the same seat");
    let restored = joined.restored.expect("the answer must give the tick to which the room was restored");
    assert!(
        restored <= joined.tick,
        "the restored tick {restored} must not be after the tick {}",
        joined.tick
    );
    joined
}

/// The play time in milliseconds that a player saw up to tick `seen` and that the restored room lost.
#[must_use]
pub fn lost_play_ms(back: &Joined, seen: Tick) -> u32 {
    let lost = back.restored.map_or(0, |restored| seen.0.saturating_sub(restored.0));
    lost * 1000 / u32::from(back.rate.hz())
}
