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

use super::{live::LiveSettings, maintenance, tasks::Tasks};
use crate::{
    admin::{self, AdminHandle, access::AccessPolicy},
    config::{self, Config, ConfigError, Switch},
    data_dir::UncleanShutdown,
    heartbeat::Heartbeats,
    lobby::{Directory, SessionRegistry, tickets::Tickets},
    net::{Acceptor, UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    recovery::{Recovery, RestoreOptions, RestorePolicy},
    reloadable::Reloadable,
    room::{HeldSeatPolicy, JournalServices, RoomServices, RoomSpec},
    session::{self, SessionServices, detached_seat::DetachedSeat},
    storage::{
        self, RecordQueue, RecordSink,
        journals::{IncompleteRead, JournalStore, retention::RetentionLimits, sweep},
    },
    telemetry::Metrics,
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
    /// A stop was requested while journals were read.
    #[error("stopped before the server had started")]
    Stopped,
    /// The admin HTTP server cannot start.
    #[error("the admin HTTP server cannot start: {0}")]
    Admin(io::Error),
}

/// The values that the stages of a start share.
pub(super) struct Startup<'a> {
    pub(super) config: &'a Config,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: Tasks,
    pub(super) wall: WallClock,
    /// The number of this run.
    pub(super) run: u32,
    /// The first of the preceding runs whose match results may not all be stored; `None` when the last run stopped cleanly.
    pub(super) unclean_shutdown: Option<UncleanShutdown>,
    /// A flag to set when this run cannot read a journal that may contain such results.
    pub(super) incomplete_read: IncompleteRead,
    /// Cancelled when the process should stop, also during the start.
    pub(super) stop: CancellationToken,
    pub(super) live: LiveSettings,
}

impl Startup<'_> {
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
                endpoint::open(udp, &self.config.net, tls, keys, Arc::clone(&self.metrics.traffic))?;
            let address = endpoint.local_addr()?;
            Ok((endpoint, address))
        };
        open().map_err(|source| StartError::Endpoint { address, source })
    }

    /// Restores rooms and results from the journals of earlier runs. Without `journal.write`, no room is restored and the journals are
    /// kept, because this run could not record how the rooms continue.
    pub(super) fn recover<G: Game>(
        &self,
        journals: Option<&Arc<dyn JournalStore>>,
        rate: TickRate,
    ) -> Result<Recovery<G>, StartError> {
        let rooms = match self.config.journal.resume {
            Switch::On if self.writes_journals() => RestorePolicy::Restore,
            Switch::On => RestorePolicy::Keep,
            Switch::Off => RestorePolicy::Discard,
        };
        let options = RestoreOptions { rooms, unclean_shutdown: self.unclean_shutdown, rate };
        let Some(store) = journals else { return Ok(Recovery::empty()) };
        Recovery::<G>::scan(&**store, options, &self.incomplete_read, &self.metrics, &self.stop)
            .ok_or(StartError::Stopped)
    }

    /// Starts the task that writes match results. It first deletes the results of ticks that the restored rooms discard.
    pub(super) fn start_results<G: Game>(
        &self,
        sink: impl RecordSink,
        recovery: &Recovery<G>,
        runtime: &Handle,
    ) -> RecordQueue {
        let (records, task) = storage::start(sink, recovery.rolled_back(), self.metrics.results.clone());
        self.tasks.spawn_essential("match results", &self.tasks.storage, runtime, task);
        records
    }

    /// Starts the tasks that read results from journals, delete old journals, and write journals. Returns `None` when rooms write no
    /// journals.
    pub(super) fn start_journals<G: Game>(
        &self,
        store: Arc<dyn JournalStore>,
        recovery: &mut Recovery<G>,
        records: &RecordQueue,
        runtime: &Handle,
    ) -> Option<JournalServices> {
        let results_read = self.submit_past_results(&store, recovery, records, runtime);
        self.start_retention(&store, results_read, runtime);
        let metrics = Arc::clone(&self.metrics);
        let (journals, task) = storage::journals::start(store, Arc::clone(&metrics));
        self.tasks.spawn_essential("journals", &self.tasks.storage, runtime, task);
        let (run, config) = (self.run, &self.config.journal);
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
        runtime: &Handle,
    ) -> CancellationToken {
        let (past, ended) = (recovery.take_results(), std::mem::take(&mut recovery.ended));
        let submit =
            ended.submit_results(past, Arc::clone(store), records.clone(), self.incomplete_read.clone());
        let done = CancellationToken::new();
        let guard = done.clone().drop_guard();
        let submit = async move {
            submit.await;
            drop(guard);
        };
        self.tasks.storage.spawn_on(submit, runtime);
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
        let (wall, metrics) = (self.wall.clone(), Arc::clone(&self.metrics));
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
        records: RecordQueue,
        journals: Option<JournalServices>,
        runtime: Handle,
    ) -> Arc<Directory<G>> {
        let services = RoomServices {
            metrics: Arc::clone(&self.metrics),
            records,
            wall: self.wall.clone(),
            stop: self.tasks.rooms_stop.clone(),
            stop_reason: self.tasks.stop_reason.clone(),
            epoch: Instant::now(),
            journals,
            bots: self.live.bots.clone(),
        };
        Arc::new(Directory::new(spec, self.config.room.rooms, seed, services, runtime))
    }

    /// Creates the registry of sessions and held seats, without entries.
    pub(super) fn open_registry<G: Game>(
        &self,
        keys: &EndpointKeys,
    ) -> Arc<SessionRegistry<DetachedSeat<G>>> {
        let tickets = Tickets::new(&keys.derive(TICKET_PURPOSE));
        let (hold, max_sessions) = (self.config.session.hold(), self.config.net.max_sessions);
        Arc::new(SessionRegistry::new(tickets, self.run, hold, max_sessions, Arc::clone(&self.metrics)))
    }

    /// Starts the admin HTTP server, if it has a socket.
    pub(super) fn start_admin(
        &self,
        http: Option<TcpListener>,
        access: Reloadable<AccessPolicy>,
    ) -> Result<Option<AdminHandle>, StartError> {
        let (metrics, stop) = (Arc::clone(&self.metrics), self.tasks.admin_stop.clone());
        http.map(|http| admin::start(http, access, metrics, stop)).transpose().map_err(StartError::Admin)
    }

    /// Starts the heartbeats of the network's threads and of the rooms' threads.
    pub(super) fn start_heartbeats(&self, room_runtime: &Handle) -> Heartbeats {
        let (tasks, stop) = (&self.tasks.background, &self.tasks.stopping);
        let mut heartbeats = Heartbeats::default();
        heartbeats.start("network", &Handle::current(), tasks, stop.clone());
        heartbeats.start("rooms", room_runtime, tasks, stop.clone());
        heartbeats
    }

    /// Starts the task that accepts connections and starts a session task for each of them.
    pub(super) fn start_sessions<G: Game>(&self, acceptor: Acceptor, services: SessionServices<G>) {
        let run_session = move |connection| session::run(connection, services.clone());
        let (stop, sessions) = (self.tasks.stopping.clone(), self.tasks.sessions.clone());
        let accept = acceptor.run(stop, sessions, run_session);
        self.tasks.spawn_essential("accept", &self.tasks.background, &Handle::current(), accept);
    }

    /// Starts the tasks of periodic work; see [`maintenance`].
    pub(super) fn start_maintenance<G: Game>(
        &self,
        lobby: &Arc<Directory<G>>,
        registry: &Arc<SessionRegistry<DetachedSeat<G>>>,
        tls: Arc<ServerTls>,
    ) {
        let (lobby, registry, metrics) = (Arc::clone(lobby), Arc::clone(registry), Arc::clone(&self.metrics));
        let (stop, stop_reason) = (self.tasks.stopping.clone(), self.tasks.stop_reason.clone());
        self.start_periodic("sweep of rooms and seats", move || {
            let (lobby, registry, metrics) =
                (Arc::clone(&lobby), Arc::clone(&registry), Arc::clone(&metrics));
            maintenance::sweep(lobby, registry, metrics, stop.clone(), stop_reason.clone())
        });
        if tls.is_renewable() {
            let stop = self.tasks.stopping.clone();
            self.start_periodic("renewal of the certificate", move || {
                maintenance::renew_certificate(Arc::clone(&tls), stop.clone())
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
        sync_test: room.sync_test == config::Switch::On,
    })
}
