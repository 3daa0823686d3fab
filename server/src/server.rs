//! The composition root: start order, stop order, the one place that knows everything.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_shared::{game::Game, protocol::CloseReason, tick::TickRate};
use quinn::{Endpoint, TimeSource};
use tokio::{
    runtime::Handle,
    time::{Instant, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    admin::{self, AdminHandle},
    config::{self, Config, ConfigError, Switch},
    data_dir::Unsettled,
    lobby::{Directory, Players, SessionRegistry, tickets::Tickets},
    net::{Acceptor, UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    operators_view::OperatorsView,
    recovery::{Fate, Recovery, Wanted},
    room::{HeldSeatPolicy, JournalServices, RoomServices, RoomSpec},
    session::{self, SessionServices, detached_seat::DetachedSeat},
    shutdown::StopReason,
    storage::{
        self, RecordSink,
        journals::{JournalStore, Unread, retention::Bounds, sweep},
    },
    telemetry::Metrics,
    wall_clock::WallClock,
};

/// All that a server takes from the world. Handed in, so that a whole server runs inside a simulation, or twice in one test.
pub struct Seams<S> {
    /// The players' socket.
    pub udp: UdpResources,
    /// Who we are.
    pub tls: Arc<ServerTls>,
    /// The endpoint's secrets.
    pub keys: EndpointKeys,
    /// The operator's socket; `None`: no operator's plane.
    pub http: Option<TcpListener>,
    /// Where records go.
    pub records: S,
    /// Where journals go; `None`: rooms are not written down.
    pub journals: Option<Arc<dyn JournalStore>>,
    /// What earlier runs may not have written.
    pub unsettled: Option<Unsettled>,
    /// Told when this one cannot find that out.
    pub unread: Unread,
    /// Where room seeds come from.
    pub seed: u64,
    /// Which run of this server it is, higher than any before: what tells its resume tickets from theirs.
    pub run: u32,
    /// Where rooms run: a slow game must not hold up the network.
    pub rooms: Handle,
    /// Where the storage waits for the disk: a slow one must not hold up a tick.
    pub storage: Handle,
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

/// Who is to be asked to stop, in this order, and waited for.
struct Tasks {
    /// Set first: nobody new, and `/readyz` says so.
    stopping: CancellationToken,
    sessions_stop: CancellationToken,
    /// What sessions say then.
    stop_reason: StopReason,
    rooms_stop: CancellationToken,
    admin_stop: CancellationToken,
    sessions: TaskTracker,
    background: TaskTracker,
    storage: TaskTracker,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The game's settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The players' socket does not work.
    #[error("the players' socket on {address} cannot be used: {source}")]
    Endpoint {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The operator's plane does not start.
    #[error("the operator's plane cannot start: {0}")]
    Admin(io::Error),
}

impl<G: Game> Server<G> {
    /// Starts all tasks. Needs a tokio runtime around it, which becomes the network's.
    ///
    /// # Errors
    /// When a part cannot start; nothing is left running then.
    pub fn start<S: RecordSink>(config: &Config, seams: Seams<S>) -> Result<Self, StartError> {
        let spec = room_spec::<G>(config)?;
        let metrics = Metrics::new();
        let tasks = Tasks::new();
        let address = config.net.listen;
        let wall = wall_clock(seams.udp.time.clone());
        let open = || {
            let endpoint = endpoint::open(seams.udp, &config.net, &seams.tls, &seams.keys)?;
            let address = endpoint.local_addr()?;
            Ok((endpoint, address))
        };
        let (endpoint, address) = open().map_err(|source| StartError::Endpoint { address, source })?;

        let rate = spec.tick_rate;
        let writes = config.journal.write == Switch::On;
        let rooms = match config.journal.resume {
            Switch::On if writes => Fate::GoesOn,
            Switch::On => Fate::Waits,
            Switch::Off => Fate::Ends,
        };
        let wanted = Wanted { rooms, unsettled: seams.unsettled, rate };
        let mut recovery = match &seams.journals {
            Some(store) => Recovery::<G>::look(&**store, wanted, &seams.unread, &metrics),
            None => Recovery::none(),
        };
        let (records, storage_task) =
            storage::start(seams.records, recovery.undone(), metrics.results.clone());
        tasks.storage.spawn_on(storage_task, &seams.storage);
        let journals = seams.journals.and_then(|store| {
            let (past, ended) = (recovery.take_results(), std::mem::take(&mut recovery.ended));
            let read = ended.hand_in(past, Arc::clone(&store), records.clone(), seams.unread);
            let read = tasks.storage.spawn_on(read, &seams.storage);
            let bounds = Bounds { age: config.journal.keep(), bytes: config.journal.keep_bytes() };
            let (stop, count) = (tasks.stopping.clone(), Arc::clone(&metrics));
            let keep = sweep::run(Arc::clone(&store), bounds, wall.clone(), count, read, stop);
            tasks.storage.spawn_on(keep, &seams.storage);
            let (journals, task) = storage::journals::start(store, Arc::clone(&metrics));
            tasks.storage.spawn_on(task, &seams.storage);
            let (checkpoint, checksum) = (config.journal.checkpoint(), config.journal.checksum());
            let metrics = Arc::clone(&metrics);
            writes.then_some(JournalServices { journals, run: seams.run, checkpoint, checksum, metrics })
        });
        let services = RoomServices {
            metrics: Arc::clone(&metrics),
            records,
            wall,
            stop: tasks.rooms_stop.clone(),
            stop_reason: tasks.stop_reason.clone(),
            epoch: Instant::now(),
            journals,
        };
        let lobby = Arc::new(Directory::<G>::new(spec, config.room.rooms, seams.seed, services, seams.rooms));
        let players = Arc::new(Players::default());
        let tickets = Tickets::new(&seams.keys.derive(TICKET_PURPOSE));
        let (hold, most) = (config.session.hold(), config.net.max_sessions);
        let registry = Arc::new(SessionRegistry::new(tickets, seams.run, hold, most, Arc::clone(&metrics)));
        recovery.go_on(&lobby, &registry);

        let acceptor = Acceptor::new(endpoint.clone(), &config.net, Arc::clone(&metrics));
        let plane = OperatorsView {
            lobby: Arc::clone(&lobby),
            players: Arc::clone(&players),
            tls: Arc::clone(&seams.tls),
            sessions: acceptor.sessions(),
            max_sessions: config.net.max_sessions,
            stopping: tasks.stopping.clone(),
        };
        let admin = seams
            .http
            .map(|http| admin::start(http, Arc::new(plane), Arc::clone(&metrics), tasks.admin_stop.clone()))
            .transpose()
            .map_err(StartError::Admin)?;

        let session_services = SessionServices {
            lobby: Arc::clone(&lobby),
            registry: Arc::clone(&registry),
            players,
            metrics: Arc::clone(&metrics),
            stop: tasks.sessions_stop.clone(),
            stop_reason: tasks.stop_reason.clone(),
        };
        let begin = move |newcomer| session::run(newcomer, session_services.clone());
        tasks.background.spawn(acceptor.run(tasks.stopping.clone(), tasks.sessions.clone(), begin));
        let (stopping, stop_reason) = (tasks.stopping.clone(), tasks.stop_reason.clone());
        tasks.background.spawn(sweep(Arc::clone(&lobby), Arc::clone(&registry), stopping, stop_reason));
        if seams.tls.is_renewed() {
            tasks.background.spawn(renew(seams.tls, tasks.stopping.clone()));
        }
        let http = admin.as_ref().map(AdminHandle::local_address).map(tracing::field::display);
        info!(game = G::NAME, %address, http, tick_rate = config.room.tick_rate, "serving");
        Ok(Self { endpoint, address, lobby, registry, metrics, tasks, admin, grace: config.stop.grace() })
    }

    /// Where players connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the operator's plane answers.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminHandle::local_address)
    }

    /// The server's rooms: for whoever takes a seat without a network, as a spectator or a test does.
    #[must_use]
    pub const fn lobby(&self) -> &Arc<Directory<G>> {
        &self.lobby
    }

    /// Whose seats wait for them: for whoever brings seats back.
    #[must_use]
    pub const fn registry(&self) -> &Arc<SessionRegistry<DetachedSeat<G>>> {
        &self.registry
    }

    /// The server's numbers.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Stops as [`Self::shutdown`] does, and rooms go on in the next run on the same storage: nothing of them is lost. False as well
    /// when one could not be saved; a log line then names it.
    pub async fn shutdown_and_save(self) -> bool {
        self.tasks.stop_reason.restart();
        let metrics = Arc::clone(&self.metrics);
        self.shutdown().await && metrics.journals.rooms_unsaved.get() == 0
    }

    /// Stops: nobody new, sessions are told, rooms end, records are flushed, the endpoint falls silent. False when the grace period
    /// ran out first; a log line then names what was still running.
    pub async fn shutdown(mut self) -> bool {
        info!("stopping");
        let admin = self.admin.take();
        let in_time = timeout(self.grace, self.stop_in_order()).await.is_ok();
        if !in_time {
            warn!(
                sessions = self.tasks.sessions.len(),
                rooms = self.lobby.running_rooms(),
                storage = self.tasks.storage.len(),
                connections = self.endpoint.open_connections(),
                "the grace period ran out with these still running"
            );
            let results = self.metrics.results.waiting.get();
            if results > 0 {
                error!(results, "these match results were not written, and are lost");
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
            // Rooms first: no seat is left in what they save.
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
        // Closed connections linger for three timeouts each, to answer latecomers. On a busy machine with a thousand of them that is
        // longer than a grace period, and nothing is lost with them.
        let _ = timeout(LINGER, self.endpoint.wait_idle()).await;
    }
}

impl Tasks {
    fn new() -> Self {
        Self {
            stopping: CancellationToken::new(),
            sessions_stop: CancellationToken::new(),
            stop_reason: StopReason::default(),
            rooms_stop: CancellationToken::new(),
            admin_stop: CancellationToken::new(),
            sessions: TaskTracker::new(),
            background: TaskTracker::new(),
            storage: TaskTracker::new(),
        }
    }
}

fn room_spec<G: Game>(config: &Config) -> Result<RoomSpec<G::Settings>, ConfigError> {
    let room = &config.room;
    // The configuration has checked the ranges.
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

/// The time of day, by the same clock as the endpoint's tokens.
fn wall_clock(time: Option<Arc<dyn TimeSource>>) -> WallClock {
    match time {
        Some(time) => WallClock::new(move || time.now()),
        None => WallClock::new(SystemTime::now),
    }
}

/// Forgets rooms that have closed, and players who have been away for too long. When the server stops, nobody comes back any more,
/// unless it starts again: then all seats are held to the end, so that no room sees anybody leave.
async fn sweep<G: Game>(
    lobby: Arc<Directory<G>>,
    registry: Arc<SessionRegistry<DetachedSeat<G>>>,
    stop: CancellationToken,
    stop_reason: StopReason,
) {
    let mut every_second = interval(Duration::from_secs(1));
    while stop.run_until_cancelled(every_second.tick()).await.is_some() {
        lobby.sweep();
        registry.sweep();
    }
    if stop_reason.get() != CloseReason::ServerRestarting {
        registry.close();
    }
}

/// How long closed connections may take to fall silent when the server stops.
const LINGER: Duration = Duration::from_secs(1);

/// What the tickets' secret is derived for.
const TICKET_PURPOSE: &str = "resume tickets";

/// Renews the certificate in time.
async fn renew(tls: Arc<ServerTls>, stop: CancellationToken) {
    let mut hourly = interval(Duration::from_secs(3600));
    while stop.run_until_cancelled(hourly.tick()).await.is_some() {
        // Keys are made and files are read there: not on a thread that moves packets.
        let due = Arc::clone(&tls);
        let Ok(renewed) = tokio::task::spawn_blocking(move || due.renew_if_due(SystemTime::now())).await
        else {
            return;
        };
        match renewed {
            Ok(true) => info!(sha256 = tls.certificate_sha256(), "the certificate was renewed"),
            Ok(false) => {}
            Err(error) => warn!(%error, "the certificate could not be renewed; the old one stays"),
        }
    }
}
