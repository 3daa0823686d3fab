//! The composition root: creates every part of the server, starts them in order and stops them in order.
//!
//! - `startup`: the stages of a start.
//! - `tasks`: stop tokens and trackers of the tasks.
//! - `maintenance`: periodic work.

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
use tracing::{error, info, warn};

pub use self::startup::StartError;
use self::{
    startup::{Startup, room_spec},
    tasks::Tasks,
};
use crate::{
    admin::AdminHandle,
    config::Config,
    data_dir::UncleanShutdown,
    lobby::{Directory, PlayerList, SessionRegistry},
    net::{Acceptor, UdpResources, keys::EndpointKeys, tls::ServerTls},
    server_status::ServerStatus,
    session::{SessionServices, detached_seat::DetachedSeat},
    storage::{
        RecordSink,
        journals::{IncompleteRead, JournalStore},
    },
    telemetry::Metrics,
    wall_clock::WallClock,
};

/// Everything that a server takes from its environment. These are arguments, so that a whole server runs inside a simulation, or
/// several in one test.
pub struct ServerResources<S> {
    /// The players' socket.
    pub udp: UdpResources,
    /// The certificate and its key.
    pub tls: Arc<ServerTls>,
    /// The endpoint's secrets.
    pub keys: EndpointKeys,
    /// The socket of the admin HTTP server; `None` starts no admin HTTP server.
    pub http: Option<TcpListener>,
    /// The database of match results.
    pub records: S,
    /// The store of journals; `None` writes and restores no journals.
    pub journals: Option<Arc<dyn JournalStore>>,
    /// The earlier run that ended without writing all match results, if there is one.
    pub unclean_shutdown: Option<UncleanShutdown>,
    /// Set when this run cannot read a journal that may contain such results.
    pub incomplete_read: IncompleteRead,
    /// The seed of all rooms' randomness.
    pub seed: u64,
    /// The number of this run, higher than any before. It distinguishes this run's resume tickets from earlier ones.
    pub run: u32,
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
    grace: Duration,
}

impl<G: Game> Server<G> {
    /// Starts all tasks. Must be called inside a tokio runtime, which becomes the network's.
    ///
    /// # Errors
    /// When a part cannot start; then nothing is left running.
    pub fn start<S: RecordSink>(config: &Config, resources: ServerResources<S>) -> Result<Self, StartError> {
        let ServerResources { udp, tls, keys, http, records, journals, .. } = resources;
        let ServerResources { unclean_shutdown, incomplete_read, seed, run, .. } = resources;
        let ServerResources { room_runtime, storage_runtime, .. } = resources;
        let spec = room_spec::<G>(config)?;
        let (metrics, tasks, wall) = (Metrics::new(), Tasks::new(), wall_clock(udp.time.clone()));
        let start = Startup { config, metrics, tasks, wall, run, unclean_shutdown, incomplete_read };

        let (endpoint, address) = start.open_endpoint(udp, &tls, &keys)?;
        let mut recovery = start.recover::<G>(journals.as_ref(), spec.tick_rate);
        let records = start.start_results(records, &recovery, &storage_runtime);
        let journals =
            journals.and_then(|store| start.start_journals(store, &mut recovery, &records, &storage_runtime));
        let lobby = start.open_lobby(spec, seed, records, journals, room_runtime);
        let registry = start.open_registry(&keys);
        recovery.reopen_rooms(&lobby, &registry);

        let acceptor = Acceptor::new(endpoint.clone(), &config.net, Arc::clone(&start.metrics));
        let players = Arc::new(PlayerList::default());
        let status = ServerStatus {
            lobby: Arc::clone(&lobby),
            players: Arc::clone(&players),
            tls: Arc::clone(&tls),
            sessions: acceptor.sessions(),
            max_sessions: config.net.max_sessions,
            stopping: start.tasks.stopping.clone(),
        };
        let admin = start.start_admin(http, Arc::new(status))?;
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

        let http = admin.as_ref().map(AdminHandle::local_address).map(tracing::field::display);
        info!(game = G::NAME, %address, http, tick_rate = config.room.tick_rate, "serving");
        let Startup { metrics, tasks, .. } = start;
        Ok(Self { endpoint, address, lobby, registry, metrics, tasks, admin, grace: config.stop.grace() })
    }

    /// The bound UDP address for players.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bound TCP address of the admin HTTP server.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminHandle::local_address)
    }

    /// The server's rooms, for callers that take a seat without a network: spectators and tests.
    #[must_use]
    pub const fn lobby(&self) -> &Arc<Directory<G>> {
        &self.lobby
    }

    /// The registry of sessions and held seats.
    #[must_use]
    pub const fn registry(&self) -> &Arc<SessionRegistry<DetachedSeat<G>>> {
        &self.registry
    }

    /// The server's metrics.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Stops like [`Self::shutdown`], and saves all rooms so that the next run on the same storage restores them completely. Returns
    /// false also when a room could not be saved; a log line names it.
    pub async fn shutdown_and_save(self) -> bool {
        self.tasks.stop_reason.restart();
        let metrics = Arc::clone(&self.metrics);
        self.shutdown().await && metrics.journals.rooms_unsaved.get() == 0
    }

    /// Stops: refuses new connections, notifies players, ends rooms, flushes records and closes the endpoint. Returns false when the
    /// grace period expired first; a log line counts the tasks that were still running.
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

    async fn stop_in_order(&mut self) {
        let tasks = &self.tasks;
        tasks.stopping.cancel();
        tasks.background.close();
        tasks.background.wait().await;
        if tasks.stop_reason.get() == CloseReason::ServerRestarting {
            // Rooms first, so that the saved rooms contain no departures.
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
        // A closed connection drains for three timeouts to answer late packets. With a thousand of them on a busy machine, that is longer
        // than a grace period, and cutting it short loses nothing.
        let _ = timeout(DRAIN_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

/// The time for closed connections to drain when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The wall clock, from the same source as the endpoint's tokens.
fn wall_clock(time: Option<Arc<dyn TimeSource>>) -> WallClock {
    match time {
        Some(time) => WallClock::new(move || time.now()),
        None => WallClock::new(SystemTime::now),
    }
}
