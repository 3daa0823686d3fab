//! The composition root: creates the parts of the server, and starts and stops them in order.
//!
//! - `startup`: the stages of a start.
//! - `live`: the settings that a reload changes.
//! - `tasks`: stop tokens and trackers of the tasks.
//! - `maintenance`: periodic removal of closed rooms and expired seats, and renewal of the certificate.

mod live;
mod maintenance;
mod startup;
mod tasks;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_shared::{game::Game, protocol::CloseReason};
use quinn::{Endpoint, TimeSource};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use self::startup::StartError;
use self::{
    live::LiveSettings,
    startup::{Startup, room_spec},
    tasks::Tasks,
};
use crate::{
    admin::{AdminHandle, access::AccessPolicy},
    config::Config,
    data_dir::UncleanShutdown,
    lobby::{Directory, PlayerList, SessionRegistry},
    net::{Acceptor, UdpResources, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    server_status::ServerStatus,
    session::{SessionServices, detached_seat::DetachedSeat},
    storage::{
        RecordSink,
        journals::{IncompleteRead, JournalStore},
    },
    telemetry::Metrics,
    wall_clock::WallClock,
};

/// Everything that a server takes from its environment. These are arguments, so that a complete server can run inside a simulation, and
/// several servers in one test.
pub struct ServerResources<S> {
    /// The players' socket.
    pub udp: UdpResources,
    /// The certificate and its key.
    pub tls: Arc<ServerTls>,
    /// The endpoint's secrets.
    pub keys: EndpointKeys,
    /// The socket of the admin HTTP server; `None` starts no admin HTTP server.
    pub http: Option<TcpListener>,
    /// The access rules of the admin HTTP server.
    pub access: Reloadable<AccessPolicy>,
    /// The database of match results.
    pub records: S,
    /// The store of journals; `None` writes and restores no journals.
    pub journals: Option<Arc<dyn JournalStore>>,
    /// The first of the preceding runs whose match results may not all be stored; `None` when the last run stopped cleanly.
    pub unclean_shutdown: Option<UncleanShutdown>,
    /// A flag that the server sets when it cannot read a journal that may contain such results.
    pub incomplete_read: IncompleteRead,
    /// The seed of all rooms' randomness.
    pub seed: u64,
    /// The number of this run of the server, higher than that of any earlier run. It is part of the names of journals, and distinguishes
    /// this run's resume tickets from earlier ones.
    pub run: u32,
    /// The metrics. The process creates them before the server, because its log counts into them.
    pub metrics: Arc<Metrics>,
    /// Cancelled when the process should stop. A start that still reads journals then ends with [`StartError::Stopped`]; a running server
    /// is stopped by its caller.
    pub stop: CancellationToken,
    /// The runtime of rooms, so that a slow game does not delay the network.
    pub room_runtime: Handle,
    /// The runtime of storage tasks, so that a slow disk does not delay a tick.
    pub storage_runtime: Handle,
}

/// A running server.
pub struct Server<G: Game> {
    endpoint: Endpoint,
    address: SocketAddr,
    lobby: Arc<Directory<G>>,
    registry: Arc<SessionRegistry<DetachedSeat<G>>>,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    admin: Option<AdminHandle>,
    live: LiveSettings,
    grace: Duration,
}

impl<G: Game> Server<G> {
    /// Starts all tasks and restores the rooms of earlier runs. The current tokio runtime becomes that of the network.
    ///
    /// # Errors
    /// When a part cannot start. Tasks that started before it may run until the runtimes are shut down, which is up to the caller.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start<S: RecordSink>(config: &Config, resources: ServerResources<S>) -> Result<Self, StartError> {
        let ServerResources { udp, tls, keys, http, records, journals, .. } = resources;
        let ServerResources { unclean_shutdown, incomplete_read, seed, run, .. } = resources;
        let ServerResources { room_runtime, storage_runtime, metrics, stop, access, .. } = resources;
        let spec = room_spec::<G>(config)?;
        let (tasks, wall, live) = (Tasks::new(), wall_clock(udp.time.clone()), LiveSettings::new(config));
        let start =
            Startup { config, metrics, tasks, wall, run, unclean_shutdown, incomplete_read, stop, live };

        // First, so that health checks are answered while journals are read.
        let admin = start.start_admin(http, access)?;
        let heartbeats = start.start_heartbeats(&room_runtime);
        let (endpoint, address) = start.open_endpoint(udp, &tls, &keys)?;
        let mut recovery = start.recover::<G>(journals.as_ref(), spec.tick_rate)?;
        let records = start.start_results(records, &recovery, &storage_runtime);
        let journals =
            journals.and_then(|store| start.start_journals(store, &mut recovery, &records, &storage_runtime));
        let lobby = start.open_lobby(spec, seed, records, journals, room_runtime);
        let registry = start.open_registry(&keys);
        recovery.reopen_rooms(&lobby, &registry, &start.metrics);

        let acceptor = Acceptor::new(endpoint.clone(), start.live.net.clone(), Arc::clone(&start.metrics));
        let players = Arc::new(PlayerList::default());
        let status = ServerStatus {
            lobby: Arc::clone(&lobby),
            players: Arc::clone(&players),
            tls: Arc::clone(&tls),
            sessions: acceptor.sessions(),
            net: start.live.net.clone(),
            stopping: start.tasks.stopping.clone(),
            heartbeats,
        };
        let services = SessionServices {
            lobby: Arc::clone(&lobby),
            registry: Arc::clone(&registry),
            players,
            metrics: Arc::clone(&start.metrics),
            stop: start.tasks.sessions_stop.clone(),
            stop_reason: start.tasks.stop_reason.clone(),
        };
        start.start_sessions(acceptor, services);
        start.start_maintenance(&lobby, &registry, tls);
        if let Some(admin) = &admin {
            admin.set_backend(Arc::new(status));
        }

        let http = admin.as_ref().map(AdminHandle::local_address).map(tracing::field::display);
        info!(game = G::NAME, %address, http, tick_rate = config.room.tick_rate, "serving");
        let Startup { metrics, tasks, live, .. } = start;
        let grace = config.stop.grace();
        Ok(Self { endpoint, address, lobby, registry, metrics, tasks, admin, live, grace })
    }

    /// Applies the settings of a configuration that can change while the server runs: the keys of [`RELOADABLE_KEYS`](crate::config::RELOADABLE_KEYS), except those of the
    /// log and of the certificate.
    pub fn reload(&mut self, config: &Config) {
        self.live.set(config);
        self.registry.set_limits(config.session.hold(), config.net.max_sessions);
        self.grace = config.stop.grace();
    }

    /// Waits until a task that the server cannot run without has panicked. The caller should then stop the server.
    pub async fn failed(&self) {
        self.tasks.failed.cancelled().await;
    }

    /// Whether a task that the server cannot run without has panicked.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.tasks.failed.is_cancelled()
    }

    /// Returns the bound UDP address for players.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the bound TCP address of the admin HTTP server; `None` when the server runs without one.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminHandle::local_address)
    }

    /// Returns the directory of rooms, for callers that take a seat without a network connection, such as spectators and tests.
    #[must_use]
    pub const fn lobby(&self) -> &Arc<Directory<G>> {
        &self.lobby
    }

    /// Returns the registry of sessions and held seats.
    #[must_use]
    pub const fn registry(&self) -> &Arc<SessionRegistry<DetachedSeat<G>>> {
        &self.registry
    }

    /// Returns the server's metrics.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Stops the server as [`Self::shutdown`] does, and saves all rooms, so that the next run on the same storage restores them without
    /// loss. Returns false also when a room could not be saved; a log line names the room.
    pub async fn shutdown_and_save(self) -> bool {
        self.tasks.stop_reason.restart();
        let metrics = Arc::clone(&self.metrics);
        self.shutdown().await && metrics.journals.rooms_unsaved.get() == 0
    }

    /// Stops the server: refuses new connections, notifies players, ends rooms, writes all results and journals, and closes the endpoint.
    /// Returns true if all of that ended within the grace period. If it did not, a log line counts the tasks that were still running.
    pub async fn shutdown(mut self) -> bool {
        info!("shutting down");
        let admin = self.admin.take();
        let in_time = timeout(self.grace, self.stop_in_order()).await.is_ok();
        if !in_time {
            warn!(
                sessions = self.tasks.sessions.len(),
                rooms = self.lobby.running_rooms(),
                storage = self.tasks.storage.len(),
                connections = self.endpoint.open_connections(),
                "grace period expired with tasks still running"
            );
            let results = self.metrics.results.waiting.get();
            if results > 0 {
                error!(results, "match results lost, not written within the grace period");
            }
        }
        self.tasks.admin_stop.cancel();
        if let Some(admin) = admin {
            let _ = tokio::task::spawn_blocking(|| admin.join()).await;
        }
        info!(in_time, "stopped");
        in_time
    }

    /// Stops the tasks in the order in which they depend on each other: acceptor, sessions, rooms, storage, endpoint.
    async fn stop_in_order(&mut self) {
        let tasks = &self.tasks;
        tasks.stopping.cancel();
        tasks.background.close();
        tasks.background.wait().await;
        if tasks.stop_reason.get() == CloseReason::ServerRestarting {
            // Before a restart, rooms stop before sessions, so that no saved room records that its players left.
            tasks.rooms_stop.cancel();
            self.lobby.wait_for_rooms().await;
        }
        tasks.sessions_stop.cancel();
        tasks.sessions.close();
        tasks.sessions.wait().await;
        tasks.rooms_stop.cancel();
        self.lobby.wait_for_rooms().await;
        self.lobby.close();
        tasks.storage.close();
        tasks.storage.wait().await;
        self.endpoint.close(0u32.into(), b"");
        // A closed connection drains for three probe timeouts (PTO) to answer late packets. With a thousand connections on a busy
        // machine, draining can take longer than a grace period, and cutting it short loses nothing.
        let _ = timeout(DRAIN_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

/// The maximum time for closed connections to drain when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Creates the wall clock from the time source of the endpoint's tokens, or from the system's clock.
fn wall_clock(time: Option<Arc<dyn TimeSource>>) -> WallClock {
    match time {
        Some(time) => WallClock::new(move || time.now()),
        None => WallClock::new(SystemTime::now),
    }
}
