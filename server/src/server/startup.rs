//! The stages of a start, in the order in which [`Server::start`](super::Server::start) runs them.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use quarrel_shared::{game::Game, tick::TickRate};
use quinn::Endpoint;
use tokio::{runtime::Handle, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    live::LiveSettings,
    maintenance,
    resources::{ProcessResources, StorageResources},
    tasks::Tasks,
};
use crate::{
    admin::{self, AdminHandle, access::AccessPolicy},
    config::{self, Config, ConfigError, Switch},
    heartbeat::Heartbeats,
    lobby::{Directory, PlayerList, SessionRegistry, tickets::Tickets},
    net::{Acceptor, UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    recovery::{Recovery, RestoreOptions, RestorePolicy},
    reloadable::Reloadable,
    room::{HeldSeatPolicy, JournalServices, RoomServices, RoomSpec},
    server_status::ServerStatus,
    session::{self, SessionServices, detached_seat::DetachedSeat},
    storage::{
        self, RecordQueue, RecordSink,
        journals::{IncompleteRead, JournalStore, retention::RetentionLimits, sweep},
    },
    wall_clock::WallClock,
};

/// The label with which the secret of resume tickets is derived from the endpoint's keys. Another label makes all issued tickets invalid.
const TICKET_PURPOSE: &str = "resume tickets";

/// Errors of a start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The game refuses its settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The UDP socket cannot be used.
    #[error("the players' socket on {address} cannot be used: {source}")]
    Endpoint {
        /// The configured address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// A stop was requested during the start.
    #[error("stopped before the server had started")]
    Stopped,
    /// The admin HTTP server cannot start.
    #[error("the admin HTTP server cannot start: {0}")]
    Admin(#[source] io::Error),
}

/// The services of rooms that write to the storage.
pub(super) struct StorageServices {
    records: RecordQueue,
    /// `None` when rooms write no journals.
    journals: Option<JournalServices>,
}

/// The values that the stages of a start share.
pub(super) struct Startup<'a> {
    config: &'a Config,
    pub(super) process: ProcessResources,
    pub(super) tasks: Tasks,
    pub(super) live: LiveSettings,
    wall: WallClock,
}

impl<'a> Startup<'a> {
    pub(super) fn new(config: &'a Config, process: ProcessResources, wall: WallClock) -> Self {
        Self { config, process, tasks: Tasks::new(), live: LiveSettings::new(config), wall }
    }

    /// Checks between two stages that no stop was requested.
    ///
    /// # Errors
    /// [`StartError::Stopped`] after a request to stop.
    pub(super) fn check_stop(&self) -> Result<(), StartError> {
        if self.process.stop.is_cancelled() { Err(StartError::Stopped) } else { Ok(()) }
    }

    /// Opens the QUIC endpoint on the players' socket, and returns its bound address.
    pub(super) fn open_endpoint(
        &self,
        udp: UdpResources,
        tls: &Arc<ServerTls>,
        keys: &EndpointKeys,
    ) -> Result<(Endpoint, SocketAddr), StartError> {
        let address = self.config.net.listen;
        let open = || {
            let endpoint =
                endpoint::open(udp, &self.config.net, tls, keys, Arc::clone(&self.process.metrics.traffic))?;
            let address = endpoint.local_addr()?;
            Ok((endpoint, address))
        };
        open().map_err(|source| StartError::Endpoint { address, source })
    }

    /// Reads the journals of earlier runs, and starts the tasks that write results and journals. Returns the services of rooms, and the rooms
    /// to restore.
    pub(super) fn open_storage<G: Game, S: RecordSink>(
        &self,
        storage: StorageResources<S>,
        rate: TickRate,
    ) -> Result<(StorageServices, Recovery<G>), StartError> {
        let mut recovery = self.recover::<G, S>(&storage, rate)?;
        let StorageResources { records, journals, run, incomplete_read, runtime, .. } = storage;
        let records = self.start_results(records, &recovery, &runtime);
        let journals = journals.and_then(|store| {
            let past = self.submit_past_results(&store, &mut recovery, &records, incomplete_read, &runtime);
            self.start_retention(&store, past, &runtime);
            self.start_journals(store, run, &runtime)
        });
        Ok((StorageServices { records, journals }, recovery))
    }

    /// Restores rooms and results from the journals of earlier runs. Without `journal.write`, no room is restored and the journals are
    /// kept, because this run could not record how the rooms continue.
    fn recover<G: Game, S>(
        &self,
        storage: &StorageResources<S>,
        rate: TickRate,
    ) -> Result<Recovery<G>, StartError> {
        let Some(store) = &storage.journals else { return Ok(Recovery::empty()) };
        let rooms = match self.config.journal.resume {
            Switch::On if self.writes_journals() => RestorePolicy::Restore,
            Switch::On => RestorePolicy::Keep,
            Switch::Off => RestorePolicy::Discard,
        };
        let options = RestoreOptions { rooms, unclean_shutdown: storage.unclean_shutdown, rate };
        let ProcessResources { metrics, stop, .. } = &self.process;
        Recovery::scan(&**store, options, &storage.incomplete_read, metrics, stop).ok_or(StartError::Stopped)
    }

    /// Starts the task that writes match results. It first deletes the results of ticks that the restored rooms discard.
    fn start_results<G: Game>(
        &self,
        sink: impl RecordSink,
        recovery: &Recovery<G>,
        runtime: &Handle,
    ) -> RecordQueue {
        let (records, task) =
            storage::start(sink, recovery.rolled_back(), self.process.metrics.results.clone());
        self.tasks.spawn_essential("match results", &self.tasks.storage, runtime, task);
        records
    }

    /// Starts the task that writes journals. Returns `None` when rooms write no journals.
    fn start_journals(
        &self,
        store: Arc<dyn JournalStore>,
        run: u32,
        runtime: &Handle,
    ) -> Option<JournalServices> {
        let metrics = Arc::clone(&self.process.metrics);
        let (journals, task) = storage::journals::start(store, Arc::clone(&metrics));
        self.tasks.spawn_essential("journals", &self.tasks.storage, runtime, task);
        let config = &self.config.journal;
        let (checkpoint, checksum) = (config.checkpoint(), config.checksum());
        self.writes_journals().then_some(JournalServices { journals, run, checkpoint, checksum, metrics })
    }

    /// Starts the task that submits the results that earlier runs may not have stored. Returns a token that is cancelled when the task has
    /// ended.
    fn submit_past_results<G: Game>(
        &self,
        store: &Arc<dyn JournalStore>,
        recovery: &mut Recovery<G>,
        records: &RecordQueue,
        incomplete_read: IncompleteRead,
        runtime: &Handle,
    ) -> CancellationToken {
        let (past, ended) = (recovery.take_results(), std::mem::take(&mut recovery.ended));
        let submit = ended.submit_results(past, Arc::clone(store), records.clone(), incomplete_read);
        let done = CancellationToken::new();
        let read = done.clone();
        // After a panic, the run is not recorded as clean, so the next start looks for the results again.
        self.tasks.spawn_essential("results of earlier runs", &self.tasks.storage, runtime, async move {
            submit.await;
            read.cancel();
        });
        done
    }

    /// Starts the task that deletes old journals. The first deletion waits for `results_read`, which reads results from them.
    fn start_retention(
        &self,
        store: &Arc<dyn JournalStore>,
        results_read: CancellationToken,
        runtime: &Handle,
    ) {
        let store = Arc::clone(store);
        let limits = RetentionLimits {
            max_age: self.config.journal.keep(),
            max_bytes: self.config.journal.keep_bytes(),
        };
        let (wall, metrics) = (self.wall.clone(), Arc::clone(&self.process.metrics));
        let stop = self.tasks.stopping.clone();
        let start = move || {
            let (store, wall, metrics) = (Arc::clone(&store), wall.clone(), Arc::clone(&metrics));
            sweep::run(store, limits, wall, metrics, results_read.clone(), stop.clone())
        };
        self.tasks.spawn_periodic("retention of journals", &self.tasks.storage, runtime, start);
    }

    /// Creates the directory of rooms, without rooms.
    pub(super) fn open_lobby<G: Game>(
        &self,
        spec: RoomSpec<G::Settings>,
        seed: u64,
        run: u32,
        storage: StorageServices,
    ) -> Arc<Directory<G>> {
        let StorageServices { records, journals } = storage;
        let services = RoomServices {
            metrics: Arc::clone(&self.process.metrics),
            records,
            wall: self.wall.clone(),
            stop: self.tasks.rooms_stop.clone(),
            stop_reason: self.tasks.stop_reason.clone(),
            epoch: Instant::now(),
            journals,
            bots: self.live.bots.clone(),
        };
        Arc::new(Directory::new(
            spec,
            self.config.room.rooms,
            seed,
            run,
            services,
            self.process.room_runtime.clone(),
        ))
    }

    /// Creates the registry of sessions and held seats, without entries.
    pub(super) fn open_registry<G: Game>(
        &self,
        keys: &EndpointKeys,
        run: u32,
    ) -> Arc<SessionRegistry<DetachedSeat<G>>> {
        let tickets = Tickets::new(&keys.derive(TICKET_PURPOSE));
        let (hold, max_sessions) = (self.config.session.hold(), self.config.net.max_sessions);
        Arc::new(SessionRegistry::new(tickets, run, hold, max_sessions, Arc::clone(&self.process.metrics)))
    }

    /// Starts the admin HTTP server, if it has a socket.
    pub(super) fn start_admin(
        &self,
        http: Option<TcpListener>,
        access: Reloadable<AccessPolicy>,
    ) -> Result<Option<AdminHandle>, StartError> {
        let (metrics, stop) = (Arc::clone(&self.process.metrics), self.tasks.admin_stop.clone());
        let failed = self.tasks.failed.clone();
        http.map(|http| admin::start(http, access, metrics, stop, failed))
            .transpose()
            .map_err(StartError::Admin)
    }

    /// Starts the heartbeats of the network's threads and of the rooms' threads.
    pub(super) fn start_heartbeats(&self) -> Heartbeats {
        let (tasks, stop) = (&self.tasks.background, &self.tasks.stopping);
        let mut heartbeats = Heartbeats::default();
        heartbeats.start("network", &Handle::current(), tasks, stop.clone());
        heartbeats.start("rooms", &self.process.room_runtime, tasks, stop.clone());
        heartbeats
    }

    /// Creates the acceptor of connections.
    pub(super) fn acceptor(&self, endpoint: &Endpoint) -> Acceptor {
        Acceptor::new(endpoint.clone(), self.live.net.clone(), Arc::clone(&self.process.metrics))
    }

    /// Creates the backend of the admin HTTP server.
    pub(super) fn status<G: Game>(
        &self,
        lobby: &Arc<Directory<G>>,
        players: &Arc<PlayerList>,
        tls: &Arc<ServerTls>,
        acceptor: &Acceptor,
        heartbeats: Heartbeats,
    ) -> ServerStatus<G> {
        ServerStatus {
            lobby: Arc::clone(lobby),
            players: Arc::clone(players),
            tls: Arc::clone(tls),
            sessions: acceptor.sessions(),
            net: self.live.net.clone(),
            stopping: self.tasks.stopping.clone(),
            heartbeats,
        }
    }

    /// Creates the services of sessions.
    pub(super) fn session_services<G: Game>(
        &self,
        lobby: &Arc<Directory<G>>,
        registry: &Arc<SessionRegistry<DetachedSeat<G>>>,
        players: Arc<PlayerList>,
    ) -> SessionServices<G> {
        SessionServices {
            lobby: Arc::clone(lobby),
            registry: Arc::clone(registry),
            players,
            metrics: Arc::clone(&self.process.metrics),
            stop: self.tasks.sessions_stop.clone(),
            stop_reason: self.tasks.stop_reason.clone(),
        }
    }

    /// Starts the task that accepts connections and starts a session task for each of them.
    pub(super) fn start_sessions<G: Game>(&self, acceptor: Acceptor, services: SessionServices<G>) {
        let run_session = move |connection| session::run(connection, services.clone());
        let (stop, sessions) = (self.tasks.stopping.clone(), self.tasks.sessions.clone());
        let (failed, stopping) = (self.tasks.failed.clone(), stop.clone());
        let accept = async move {
            acceptor.run(stop, sessions, run_session).await;
            if !stopping.is_cancelled() {
                error!("players' endpoint lost, the server stops");
                failed.cancel();
            }
        };
        self.tasks.spawn_essential("accept", &self.tasks.background, &Handle::current(), accept);
    }

    /// Starts the tasks of periodic work; see [`maintenance`].
    pub(super) fn start_maintenance<G: Game>(
        &self,
        lobby: &Arc<Directory<G>>,
        registry: &Arc<SessionRegistry<DetachedSeat<G>>>,
        tls: Arc<ServerTls>,
    ) {
        let (lobby, registry, metrics) =
            (Arc::clone(lobby), Arc::clone(registry), Arc::clone(&self.process.metrics));
        let (stop, stop_reason) = (self.tasks.stopping.clone(), self.tasks.stop_reason.clone());
        self.start_periodic("sweep of rooms and seats", move || {
            let (lobby, registry, metrics) =
                (Arc::clone(&lobby), Arc::clone(&registry), Arc::clone(&metrics));
            maintenance::sweep(lobby, registry, metrics, stop.clone(), stop_reason.clone())
        });
        self.process.metrics.set_certificate_expiry(tls.valid_until());
        if tls.is_renewable() {
            let stop = self.tasks.stopping.clone();
            let (wall, metrics) = (self.wall.clone(), Arc::clone(&self.process.metrics));
            self.start_periodic("renewal of the certificate", move || {
                let (tls, metrics) = (Arc::clone(&tls), Arc::clone(&metrics));
                maintenance::renew_certificate(tls, wall.clone(), metrics, stop.clone())
            });
        }
    }

    fn start_periodic<F>(&self, name: &'static str, start: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn_periodic(name, &self.tasks.background, &Handle::current(), start);
    }

    fn writes_journals(&self) -> bool {
        self.config.journal.write == Switch::On
    }
}

/// Returns the properties of every room, from the configuration.
pub(super) fn room_spec<G: Game>(config: &Config) -> Result<RoomSpec<G::Settings>, ConfigError> {
    let room = &config.room;
    // The configuration has checked the ranges, so the fallbacks below are never used.
    let hz = |rate: u32| u16::try_from(rate).ok();
    let tick_rate = hz(room.tick_rate).and_then(TickRate::new).unwrap_or_default();
    Ok(RoomSpec {
        settings: config.settings::<G::Settings>()?,
        seats: room.seats,
        tick_rate,
        send_rate: hz(room.send_rate).unwrap_or_else(|| tick_rate.hz()),
        bots: room.bots,
        bot_skill: room.bot_skill.clone(),
        linger: room.linger(),
        held: match config.session.held {
            config::HeldSeatPolicy::Idle => HeldSeatPolicy::Idle,
            config::HeldSeatPolicy::Bot => HeldSeatPolicy::Bot,
        },
        chat: room.chat == config::Switch::On,
        sync_test: room.sync_test == config::Switch::On,
    })
}
