//! `quarrel serve`: opens files and sockets, runs the server until a stop signal, and applies reloads.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use prometheus_client::metrics::counter::Counter;
use quarrel_shared::game::Game;
use tokio::runtime::{Builder, Runtime};
use tracing::{error, info, warn};

use crate::{
    admin::access::AccessPolicy,
    cli,
    config::{Config, ConfigError, RELOADABLE_KEYS, RoomsAtStop},
    data_dir::{DataDir, DataDirError, ServerRun},
    exit_code::{ExitCode, VerbFailure},
    net::{UdpResources, endpoint, keys::EndpointKeys, listen::bind_players, tls::ServerTls},
    reloadable::Reloadable,
    server::{NetworkResources, ProcessResources, Server, ServerResources, StartError, StorageResources},
    signals::{self, SignalRequests},
    storage::{
        SqliteSink,
        journals::{FolderStore, IncompleteRead, JournalStore},
    },
    system_limits::SystemLimits,
    telemetry::{Metrics, logs},
};

/// A function that reads and checks the configuration of a running server again.
pub(crate) type ConfigReader = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// Runs the server: starts the log and the signals, opens files and sockets, starts the server, waits for a stop signal and stops the
/// server.
pub(crate) fn serve<G: Game>(config: Config, read_config: ConfigReader) -> Result<ExitCode, VerbFailure> {
    let metrics = Metrics::new();
    let log =
        logs::init(&config.log, metrics.log_lines_dropped.clone()).map_err(VerbFailure::configuration)?;
    log_panics(metrics.panics.clone());
    let log = Arc::new(log);
    let last_lines = Arc::clone(&log);
    let signals = signals::start(move || last_lines.flush()).map_err(|error| {
        let message = format!("cannot handle signals: {error}");
        VerbFailure::new(ExitCode::of(&error, ExitCode::Internal), message)
    })?;
    let process = ServingProcess { config, read_config, log, metrics, signals };
    let result = process.run::<G>();
    process.log.flush();
    result
}

/// The parts of the process that exist before the server starts and after it has stopped.
struct ServingProcess {
    config: Config,
    read_config: ConfigReader,
    log: Arc<logs::LogHandle>,
    metrics: Arc<Metrics>,
    signals: SignalRequests,
}

impl ServingProcess {
    fn run<G: Game>(&self) -> Result<ExitCode, VerbFailure> {
        let config = &self.config;
        for near_miss in config.near_misses() {
            warn!("environment variable {near_miss}");
        }
        let data = DataDir::open(&config.data.dir).map_err(VerbFailure::configuration)?;
        let (journals, max_journal_run) = open_journals(&data)?;
        if self.signals.stop.is_cancelled() {
            return Ok(stopped_before_start());
        }
        let run = begin_run(&data, max_journal_run)?;
        let incomplete_read = IncompleteRead::default();
        let tls =
            ServerTls::open(&config.net, &data, SystemTime::now()).map_err(VerbFailure::configuration)?;
        let tls = Arc::new(tls);
        let access = AccessPolicy::read(config.http.token_file.as_deref());
        let access = Reloadable::new(access.map_err(VerbFailure::configuration)?);
        let keys = EndpointKeys::open(&data).map_err(VerbFailure::configuration)?;
        let runtimes = Runtimes::start(config)?;
        // A locked database takes a while to answer.
        let opening = self.signals.stop.run_until_cancelled(self.open_records(&data));
        let Some(records) = runtimes.storage.block_on(opening) else {
            runtimes.shutdown();
            return Ok(stopped_before_start());
        };
        let records = records?;
        let (socket, http) = bind_sockets(config)?;
        self.check_limits(&socket);
        let end = runtimes.network.block_on(async {
            let network = NetworkResources {
                udp: UdpResources::from_socket(socket).map_err(VerbFailure::internal)?,
                tls: Arc::clone(&tls),
                keys,
                http: Some(http),
                access: access.clone(),
            };
            let storage = StorageResources {
                records,
                journals: Some(journals),
                run: run.number(),
                unclean_shutdown: run.unclean_shutdown(),
                incomplete_read: incomplete_read.clone(),
                runtime: runtimes.storage.handle().clone(),
            };
            let process = ProcessResources {
                metrics: Arc::clone(&self.metrics),
                stop: self.signals.stop.clone(),
                room_runtime: runtimes.rooms.handle().clone(),
            };
            let resources = ServerResources { network, storage, process, seed: rand::random() };
            match Server::<G>::start(config, resources) {
                Ok(server) => {
                    let is_complete = self.run_until_stopped(server, &tls, &access).await;
                    Ok(self.run_end(is_complete, &incomplete_read))
                }
                Err(StartError::Stopped) => Ok(ServeEnd::BeforeStart),
                Err(error) => Err(VerbFailure::internal(error)),
            }
        })?;
        runtimes.shutdown();
        Ok(record_end(end, run))
    }

    /// Logs the limits of the system that are too low, and sets the metrics about the socket.
    fn check_limits(&self, socket: &UdpSocket) {
        let limits = SystemLimits::raise_and_read(socket);
        for warning in limits.warnings(&self.config) {
            warn!("{warning}");
        }
        self.metrics.set_socket(socket, limits.buffers);
    }

    /// Opens the database of match results. With a fault that needs no change of the installation, returns a store that opens it later:
    /// rooms play, and their results wait.
    async fn open_records(&self, data: &DataDir) -> Result<SqliteSink, VerbFailure> {
        let mut records = SqliteSink::new(data.path());
        match records.open().await {
            Err(error) if error.fault().allows_start() => {
                self.metrics.results.failed_writes.inc();
                error!(%error, "match results cannot be stored, rooms play and results wait until they can");
            }
            opened => opened.map_err(|error| VerbFailure::new(error.exit_code(), error))?,
        }
        Ok(records)
    }

    /// Returns how a run ended that has started completely.
    fn run_end(&self, is_complete: bool, incomplete_read: &IncompleteRead) -> ServeEnd {
        if !is_complete {
            ServeEnd::Unfinished
        } else if self.metrics.results.lost.get() > 0 || incomplete_read.is_set() {
            ServeEnd::ResultsMissing
        } else {
            ServeEnd::Complete
        }
    }

    /// Waits for a stop signal or a failed task, then ends or saves the rooms as `stop.rooms` configures, and stops the server. Returns
    /// whether no task failed, all ended within the grace period and, with `stop.rooms` = `save`, every room was saved.
    async fn run_until_stopped<G: Game>(
        &self,
        mut server: Server<G>,
        tls: &ServerTls,
        access: &Reloadable<AccessPolicy>,
    ) -> bool {
        let mut config = self.config.clone();
        loop {
            tokio::select! {
                biased;
                () = self.signals.stop.cancelled() => break,
                () = server.failed() => break,
                () = self.signals.reload.notified() => {
                    if let Some(reloaded) = self.reload(&config) {
                        server.reload(&reloaded);
                        config = reloaded;
                    }
                    reload_certificate(tls, &self.metrics);
                    reload_token(access, self.config.http.token_file.as_deref());
                }
            }
        }
        let has_failed = server.has_failed();
        let in_time = match config.stop.rooms {
            RoomsAtStop::End => server.shutdown().await,
            RoomsAtStop::Save => server.shutdown_and_save().await,
        };
        in_time && !has_failed
    }

    /// Reads the configuration again, and replaces the log's filter. Returns the new configuration for the server; `None` on an error, when
    /// `current` stays in use. Keys that only a restart changes are named in the log.
    fn reload(&self, current: &Config) -> Option<Config> {
        let config = match (self.read_config)() {
            Ok(config) => config,
            Err(error) => {
                error!(%error, "configuration reload failed, the old configuration stays in use");
                return None;
            }
        };
        if let Err(error) = self.log.set_filter(&config.log.filter) {
            error!(%error, "log filter reload failed, the old filter stays in use");
        }
        let is_reloadable = |key: &String| RELOADABLE_KEYS.contains(&key.as_str());
        let changed: Vec<_> = current.changed_keys(&config).into_iter().filter(is_reloadable).collect();
        let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
        info!(changed, "configuration reloaded");
        // Compared with the start, so that each reload names them until the restart.
        let waiting: Vec<_> =
            self.config.changed_keys(&config).into_iter().filter(|key| !is_reloadable(key)).collect();
        if !waiting.is_empty() {
            warn!(keys = waiting.join(", "), "changed keys take effect at the next start only");
        }
        Some(config)
    }
}

/// Reads the token of the admin HTTP server again; on an error, the old token stays in use. A token cannot be added or removed by a reload,
/// because the address of the server may depend on it.
fn reload_token(access: &Reloadable<AccessPolicy>, token_file: Option<&Path>) {
    if token_file.is_none() {
        return;
    }
    match AccessPolicy::read(token_file) {
        Ok(policy) => access.set(policy),
        Err(error) => error!(%error, "token reload failed, the old token stays in use"),
    }
}

/// Reads the certificate and its key again; on an error, the old ones stay in use.
fn reload_certificate(tls: &ServerTls, metrics: &Metrics) {
    let now = SystemTime::now();
    match tls.renew_if_due(now) {
        Ok(true) => info!(sha256 = tls.certificate_sha256(), "certificate reloaded"),
        Ok(false) => info!(sha256 = tls.certificate_sha256(), "certificate unchanged"),
        Err(error) => error!(%error, "certificate reload failed, the old certificate stays in use"),
    }
    metrics.set_certificate_expiry(tls.valid_until());
    tls.log_expiry(now);
}

/// The end of a run of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServeEnd {
    /// All work is done, and the database has all match results.
    Complete,
    /// All work is done, and the database may lack match results that the journals have.
    ResultsMissing,
    /// A task failed, was still running after the grace period, or could not save its room.
    Unfinished,
    /// A stop was requested before the server had started.
    BeforeStart,
}

/// Records a complete run in the data directory and returns the exit code. Without the record, the next start looks for missing match
/// results in the journals.
fn record_end(end: ServeEnd, run: ServerRun) -> ExitCode {
    match end {
        ServeEnd::Complete => {
            if let Err(error) = run.mark_clean() {
                error!(%error, "cannot record the clean shutdown, the next start looks for missing match results in the journals");
            }
            ExitCode::Done
        }
        ServeEnd::ResultsMissing => {
            warn!(
                "match results may be missing from the database, the next start looks for them in the journals"
            );
            ExitCode::Done
        }
        ServeEnd::Unfinished => {
            error!("stopped with unfinished work");
            ExitCode::Internal
        }
        // Not recorded as clean, because the next start must read the journals that this one has not read.
        ServeEnd::BeforeStart => stopped_before_start(),
    }
}

/// Logs a stop before the server had started, and returns the exit code.
fn stopped_before_start() -> ExitCode {
    info!("stopped before the server had started");
    ExitCode::Done
}

/// The runtimes of the server, each with its own threads.
struct Runtimes {
    network: Runtime,
    rooms: Runtime,
    storage: Runtime,
}

impl Runtimes {
    fn start(config: &Config) -> Result<Self, VerbFailure> {
        Ok(Self {
            network: runtime("network", config.net.workers)?,
            rooms: runtime("rooms", config.room.workers)?,
            // Two threads: the task of journals blocks on the disk, and the task of match results must not wait for it.
            storage: runtime("storage", 2)?,
        })
    }

    /// Shuts the runtimes down without waiting for their threads: a game or a disk that hangs must not keep the process alive.
    fn shutdown(self) {
        self.rooms.shutdown_background();
        self.storage.shutdown_background();
        self.network.shutdown_background();
    }
}

/// Locks the data directory for this process and assigns a number to this run.
fn begin_run(data: &DataDir, max_journal_run: u32) -> Result<ServerRun, VerbFailure> {
    data.begin_run(max_journal_run, SystemTime::now()).map_err(|error| match error {
        DataDirError::InUse { .. } => VerbFailure::new(ExitCode::InUse, error),
        error => VerbFailure::configuration(error),
    })
}

/// Binds the players' UDP socket and the TCP socket of the admin HTTP server.
fn bind_sockets(config: &Config) -> Result<(UdpSocket, TcpListener), VerbFailure> {
    let failure = |error, address, key, flag| {
        let failure = cli::bind_failure(&error, address, key, flag);
        VerbFailure::new(failure.code, failure.message)
    };
    let (socket, address) = bind_players(config, endpoint::bind)
        .map_err(|error| failure(error.source, error.address, "net.listen", "--listen"))?;
    if address != config.net.listen {
        warn!(%address, "this machine has no IPv6, players connect over IPv4 only");
    }
    let http = config.http.listen;
    let http = TcpListener::bind(http).map_err(|error| failure(error, http, "http.listen", "--http"))?;
    Ok((socket, http))
}

/// Returns the highest run number of a journal. A later run must not reuse the number, even when the file that counts runs is lost,
/// because the names of journals would then clash.
fn max_journal_run(journals: &dyn JournalStore) -> io::Result<u32> {
    let listed = journals.list()?.into_iter().chain(journals.list_aside().unwrap_or_default());
    Ok(listed.map(|journal| journal.name.run).max().unwrap_or_default())
}

/// Opens the folder of journals in the data directory, and returns it with the highest run number of a journal. A folder that cannot be
/// listed stops the start, because no room would be restored.
fn open_journals(data: &DataDir) -> Result<(Arc<dyn JournalStore>, u32), VerbFailure> {
    let path = data.file("journals");
    let opened = FolderStore::open(&path).and_then(|folder| Ok((max_journal_run(&folder)?, folder)));
    let (max_run, folder) = opened.map_err(|error| {
        let message = format!(
            "cannot use the folder of journals {}: {error}; set data.dir (--data-dir) to another folder",
            path.display()
        );
        VerbFailure::new(ExitCode::of(&error, ExitCode::Configuration), message)
    })?;
    Ok((Arc::new(folder), max_run))
}

/// Counts panics and logs them in the log's format, so that no plain text appears between JSON lines.
fn log_panics(panics: Counter) {
    std::panic::set_hook(Box::new(move |panic| {
        panics.inc();
        let location = panic.location().map(tracing::field::display);
        let payload = panic.payload_as_str().unwrap_or("(not a text)");
        error!(location, payload, "panic");
    }));
}

/// Starts a runtime whose threads have this name.
pub(crate) fn runtime(name: &str, workers: usize) -> Result<Runtime, VerbFailure> {
    Builder::new_multi_thread().worker_threads(workers).thread_name(name).enable_all().build().map_err(
        |error| {
            let message = format!("cannot start the {name} threads: {error}");
            VerbFailure::new(ExitCode::of(&error, ExitCode::Internal), message)
        },
    )
}
