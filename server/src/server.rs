//! The composition root: creates the parts of the server, and starts and stops them in order.
//!
//! - `startup`: the stages of a start.
//! - `resources`: everything that the server takes from its environment.
//! - `live`: the settings that a reload changes.
//! - `tasks`: stop tokens and trackers of the tasks.
//! - `maintenance`: periodic removal of closed rooms and expired seats, and renewal of the certificate.

mod live;
mod maintenance;
mod resources;
mod startup;
mod tasks;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_shared::{game::Game, protocol::CloseReason};
use quinn::{Endpoint, TimeSource};
use tokio::time::timeout;
use tracing::{error, info, warn};

use self::{
    live::LiveSettings,
    startup::{Startup, room_spec},
    tasks::Tasks,
};
pub use self::{
    resources::{NetworkResources, ProcessResources, ServerResources, StorageResources},
    startup::StartError,
};
use crate::{
    admin::AdminHandle,
    config::Config,
    lobby::{Directory, PlayerList, SessionRegistry},
    session::detached_seat::DetachedSeat,
    storage::RecordSink,
    telemetry::Metrics,
    wall_clock::WallClock,
};

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
    /// When a part cannot start, or a stop is requested before all have started. Tasks that started before it may run until the runtimes are
    /// shut down, which is up to the caller.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start<S: RecordSink>(config: &Config, resources: ServerResources<S>) -> Result<Self, StartError> {
        let ServerResources { network, storage, process, seed } = resources;
        let NetworkResources { udp, tls, keys, http, access } = network;
        let spec = room_spec::<G>(config)?;
        let start = Startup::new(config, process, wall_clock(udp.time.clone()));
        start.check_stop()?;
        // First, so that health checks are answered while journals are read.
        let admin = start.start_admin(http, access)?;
        let heartbeats = start.start_heartbeats();
        let (endpoint, address) = start.open_endpoint(udp, &tls, &keys)?;
        let registry = start.open_registry(&keys, storage.run);
        let run = storage.run;
        let (services, recovery) = start.open_storage::<G, S>(storage, spec.tick_rate)?;
        start.check_stop()?;
        let lobby = start.open_lobby(spec, seed, run, services);
        recovery.reopen_rooms(&lobby, &registry, &start.process.metrics);
        // The next start restores the rooms again, as after a crash.
        start.check_stop()?;

        let players = Arc::new(PlayerList::default());
        let acceptor = start.acceptor(&endpoint);
        let status = start.status(&lobby, &players, &tls, &acceptor, heartbeats);
        start.start_sessions(acceptor, start.session_services(&lobby, &registry, players));
        start.start_maintenance(&lobby, &registry, tls);
        if let Some(admin) = &admin {
            admin.set_backend(Arc::new(status));
        }
        let http = admin.as_ref().map(AdminHandle::local_address).map(tracing::field::display);
        info!(game = G::NAME, %address, http, tick_rate = config.room.tick_rate, "serving");
        let Startup { process, tasks, live, .. } = start;
        let (metrics, grace) = (process.metrics, config.stop.grace());
        Ok(Self { endpoint, address, lobby, registry, metrics, tasks, admin, live, grace })
    }

    /// Applies the settings that can change while the server runs, which are those of
    /// [`RELOADABLE_KEYS`](crate::config::RELOADABLE_KEYS) except the log's.
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

#[cfg(test)]
mod tests;
