//! A server with threads of its own, so that it can die: at once and without a word, as by SIGKILL, or as one that says that it
//! starts again. What is left of it is enough for the next one, which has its port, its keys, its journals and its results.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use quarrel_client::{ClientEvent, Joined};
use quarrel_server::{
    config::Config,
    data_dir::UncleanShutdown,
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    server::{Server, ServerResources},
    storage::{
        MemorySink,
        journals::{IncompleteRead, MemoryStore},
    },
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

/// How long the threads of a dead server may take to end: each ends with what it is doing.
const LAST_BREATH: Duration = Duration::from_secs(20);

/// A server that can die.
pub struct MortalServer {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    remains: Remains,
    fate: oneshot::Sender<Fate>,
    thread: JoinHandle<()>,
}

/// What outlives a server.
#[derive(Clone, Debug)]
pub struct Remains {
    /// Its journals, as far as they were written.
    pub journals: MemoryStore,
    /// Its results, as far as they were written.
    pub records: MemorySink,
    listen: SocketAddr,
    run: u32,
    was_killed: bool,
}

enum Fate {
    Killed,
    Restarted,
    Stopped,
}

impl MortalServer {
    /// Starts the first of its line on a free port, with these settings over the defaults.
    ///
    /// # Panics
    /// When it cannot start.
    #[must_use]
    pub fn start<G: Game>(settings: &[(&'static str, &str)]) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (journals, records) = (MemoryStore::default(), MemorySink::default());
        Remains { journals, records, listen, run: 0, was_killed: false }.start::<G>(settings)
    }

    /// Where players connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is written so far.
    #[must_use]
    pub const fn written(&self) -> &Remains {
        &self.remains
    }

    /// The value of one line of its metrics; 0 when there is no such line yet.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        value_of(&self.metrics, name)
    }

    /// Nobody was told, and nothing is written any more.
    ///
    /// # Panics
    /// When it was dead already.
    #[must_use]
    pub fn kill(self) -> Remains {
        self.end(Fate::Killed)
    }

    /// It stops in order to start again, and tells its players so.
    ///
    /// # Panics
    /// When it was dead already.
    #[must_use]
    pub fn restart(self) -> Remains {
        self.end(Fate::Restarted)
    }

    /// It stops, and its rooms end.
    ///
    /// # Panics
    /// When it was dead already.
    #[must_use]
    pub fn stop(self) -> Remains {
        self.end(Fate::Stopped)
    }

    fn end(self, fate: Fate) -> Remains {
        let was_killed = matches!(fate, Fate::Killed);
        assert!(self.fate.send(fate).is_ok(), "the server lives");
        self.thread.join().expect("a server that does not panic");
        Remains { listen: self.address, was_killed, ..self.remains }
    }
}

impl Remains {
    /// The same, and whatever the storage had was not written.
    #[must_use]
    pub fn without_records(self) -> Self {
        Self { records: MemorySink::default(), ..self }
    }

    /// The next server, on the port of the one before, with these settings over the defaults.
    ///
    /// # Panics
    /// When it cannot start.
    #[must_use]
    pub fn start<G: Game>(self, settings: &[(&'static str, &str)]) -> MortalServer {
        let remains = Self { run: self.run + 1, ..self };
        let config = config::<G>(&[("room.sync_test", "on")], settings);
        let (fate, fate_out) = oneshot::channel();
        let (started_in, started) = mpsc::channel();
        let heir = remains.clone();
        let thread = thread::spawn(move || live::<G>(&config, heir, &started_in, fate_out));
        let (address, metrics) = started.recv().expect("a server that starts");
        MortalServer { address, metrics, remains, fate, thread }
    }
}

fn live<G: Game>(
    config: &Config,
    remains: Remains,
    started: &mpsc::Sender<(SocketAddr, Arc<Metrics>)>,
    fate: oneshot::Receiver<Fate>,
) {
    let network = Builder::new_current_thread().enable_all().build().expect("a runtime for the network");
    let rooms = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let rooms = rooms.expect("a runtime for rooms");
    network.block_on(async {
        let server = start::<G>(config, remains, rooms.handle());
        started.send((server.address(), Arc::clone(server.metrics()))).expect("somebody waits for it");
        match fate.await {
            Ok(Fate::Restarted) => assert!(server.shutdown_and_save().await, "it stops in time"),
            Ok(Fate::Stopped) => assert!(server.shutdown().await, "it stops in time"),
            Ok(Fate::Killed) | Err(_) => {}
        }
    });
    // Whatever still runs is dropped where it stands. Rooms and storage first: they must not see their players' sessions go, as they
    // would not if the whole process were gone at once, nor write a word into what the next server has.
    rooms.shutdown_timeout(LAST_BREATH);
    network.shutdown_background();
}

fn start<G: Game>(config: &Config, remains: Remains, rooms: &Handle) -> Server<G> {
    let Remains { journals, records, listen, run, was_killed } = remains;
    let socket = endpoint::bind(listen).expect("the port is free");
    let resources = ServerResources {
        udp: UdpResources::from_socket(socket).expect("a tokio runtime for the socket"),
        tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
        keys: EndpointKeys::in_memory(b"a server that can die"),
        http: None,
        records,
        seed: u64::from(run),
        run,
        journals: Some(Arc::new(journals)),
        unclean_shutdown: was_killed.then(|| UncleanShutdown { run: run - 1, since: None }),
        incomplete_read: IncompleteRead::default(),
        room_runtime: rooms.clone(),
        storage_runtime: rooms.clone(),
    };
    Server::start(config, resources).expect("a server that starts")
}

/// Waits until a player's connection broke.
pub async fn is_cut_off<G: Predict>(player: &mut Player<G>) {
    let interrupted = |event| matches!(event, ClientEvent::Interrupted).then_some(());
    player.wait_for("the end of the connection", interrupted).await;
}

/// Waits until a player is on the seat again that they had before, in a room that was brought back.
///
/// # Panics
/// When it is another seat, or the room went on without a break.
pub async fn is_back<G: Predict>(player: &mut Player<G>, before: &Joined) -> Joined {
    let resumed = |event| match event {
        ClientEvent::Resumed(joined) => Some(joined),
        ClientEvent::RoomClosed { sentence, .. } => panic!("the seat was not brought back: {sentence}"),
        _ => None,
    };
    let joined = player.wait_for("the seat", resumed).await;
    assert_eq!((joined.room, joined.seat), (before.room, before.seat), "the same seat");
    let restored = joined.restored.expect("it says that the room was brought back");
    assert!(restored <= joined.tick, "{restored} is before what follows, {}", joined.tick);
    joined
}

/// How much play, in milliseconds, that a player had seen by this tick did not happen.
#[must_use]
pub fn lost_ms(back: &Joined, seen: Tick) -> u32 {
    let lost = back.restored.map_or(0, |restored| seen.0.saturating_sub(restored.0));
    lost * 1000 / u32::from(back.rate.hz())
}
