//! The `quarrel` program for any games: runs a verb (a subcommand, such as `serve`) and returns its exit code. The `main` function of a
//! game's server calls [`main`] or [`main_with`].

use std::{
    io::{self, Write},
    net::{TcpListener, UdpSocket},
    process,
    sync::Arc,
    time::SystemTime,
};

use quarrel_shared::game::Game;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    cli::{self, ExitCode, MatchesQuery, Verb},
    config::{self, Config, ConfigError, GameDefaults, RoomsAtStop, Sources},
    data_dir::{DataDir, DataDirError, ServerRun},
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    replay::{self, ReplayError, ReplayGame},
    server::{Server, ServerResources},
    shutdown,
    storage::{
        self, MatchRecord, SqliteSink,
        journals::{FolderStore, IncompleteRead, JournalStore},
    },
    telemetry,
};

/// Runs a complete server program for one game: parses the arguments, runs the verb and returns the exit code.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     quarrel_server::main::<quarrel_shared::crowd::Crowd>()
/// }
/// ```
#[must_use]
pub fn main<G: Game>() -> process::ExitCode {
    main_with(&[GameEntry::of::<G>()])
}

/// Runs a complete server program for several games, of which `--game` selects one; the first is the default.
///
/// # Panics
/// When `games` is empty and the verb needs a configuration.
#[must_use]
pub fn main_with(games: &[GameEntry]) -> process::ExitCode {
    let verb = match cli::parse(std::env::args_os(), cli::environment()) {
        Ok(verb) => verb,
        Err(error) => {
            // If printing fails, for example because the terminal was closed, the exit code still reports the error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done }.into();
        }
    };
    let defaults: Vec<_> = games.iter().map(|game| game.defaults.clone()).collect();
    run(verb, games, &defaults, &mut io::stdout()).into()
}

/// A game in a server binary: its defaults, and the functions that are generic over the game.
pub struct GameEntry {
    defaults: GameDefaults,
    check: fn(&Config) -> Result<(), ConfigError>,
    serve: fn(&Config) -> Result<ExitCode, VerbFailure>,
    replay: ReplayGame,
}

impl GameEntry {
    /// Creates the entry of the game `G`.
    #[must_use]
    pub fn of<G: Game>() -> Self {
        Self {
            defaults: defaults::<G>(),
            check: |config| config.settings::<G::Settings>().map(drop),
            serve: serve::<G>,
            replay: ReplayGame::of::<G>(),
        }
    }
}

/// The failure of a verb: the exit code, and a message for standard error.
struct VerbFailure {
    code: ExitCode,
    message: String,
}

impl VerbFailure {
    /// Creates a failure with the text of an error.
    fn new(code: ExitCode, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

/// Runs a verb, which prints to `out`.
fn run(verb: Verb, games: &[GameEntry], defaults: &[GameDefaults], out: &mut dyn Write) -> ExitCode {
    let printed = match verb {
        Verb::Serve(sources) => {
            return report(load(&sources, games, defaults).and_then(|(config, game)| (game.serve)(&config)));
        }
        Verb::Check(sources) => {
            let check = |config: &Config| (entry(games, config).check)(config);
            cli::check(&sources, defaults, &check, SystemTime::now(), out)
        }
        Verb::ConfigShow(sources) => match load(&sources, games, defaults) {
            Ok((config, _)) => cli::print_config(&config, out).map(|()| ExitCode::Done),
            Err(failure) => return report(Err(failure)),
        },
        Verb::Matches(sources, query) => match matches(&sources, query, games, defaults) {
            Ok(records) => cli::print_matches(&records, query.json, out).map(|()| ExitCode::Done),
            Err(failure) => return report(Err(failure)),
        },
        Verb::Replay(verb) => {
            let games: Vec<_> = games.iter().map(|game| game.replay).collect();
            match replay::run(&verb, &games, out) {
                Ok(code) => Ok(code),
                Err(ReplayError::Failed { code, message }) => {
                    return report(Err(VerbFailure { code, message }));
                }
                Err(ReplayError::Output(error)) => Err(error),
            }
        }
        Verb::ConfigDefault => cli::print_default_config(defaults, out).map(|()| ExitCode::Done),
        Verb::Version => cli::print_version(defaults, out).map(|()| ExitCode::Done),
    };
    // A closed standard output is not an error: its reader has stopped early.
    printed.unwrap_or(ExitCode::Done)
}

/// Returns the exit code of a verb; prints a failure to standard error.
fn report(result: Result<ExitCode, VerbFailure>) -> ExitCode {
    result.unwrap_or_else(|failure| {
        let _ = writeln!(io::stderr(), "quarrel: {}", failure.message);
        failure.code
    })
}

/// Loads the configuration and checks the game's settings.
fn load<'a>(
    sources: &Sources,
    games: &'a [GameEntry],
    defaults: &[GameDefaults],
) -> Result<(Config, &'a GameEntry), VerbFailure> {
    let config = config::load(sources, defaults).map_err(invalid)?;
    let game = entry(games, &config);
    (game.check)(&config).map_err(invalid)?;
    Ok((config, game))
}

/// Returns the game that the configuration selects. It is one of `games`, because the configuration accepts no other name.
fn entry<'a>(games: &'a [GameEntry], config: &Config) -> &'a GameEntry {
    games.iter().find(|game| game.defaults.name == config.game.name).unwrap_or(&games[0])
}

/// Returns the defaults of a game for the configuration.
fn defaults<G: Game>() -> GameDefaults {
    GameDefaults {
        name: G::NAME,
        seats: G::ROOM.seats,
        bots: G::ROOM.bots,
        bot_skill: G::SKILLS.first().copied().unwrap_or_default(),
        skills: G::SKILLS,
        // A game's settings must serialize to a table of plain values. Otherwise the game has no settings, which `config default` shows.
        settings: toml::Table::try_from(G::Settings::default()).unwrap_or_default(),
    }
}

/// Reads the newest match results for `quarrel matches`.
fn matches(
    sources: &Sources,
    query: MatchesQuery,
    games: &[GameEntry],
    defaults: &[GameDefaults],
) -> Result<Vec<MatchRecord>, VerbFailure> {
    let (config, _) = load(sources, games, defaults)?;
    let dir = &config.data.dir;
    if !dir.is_dir() {
        let message = format!(
            "there is no data directory at {}: a server creates its data directory when it starts; --data-dir sets another",
            dir.display()
        );
        return Err(VerbFailure::new(ExitCode::Configuration, message));
    }
    runtime("reader", 1)?.block_on(storage::newest_matches(dir, query.newest)).map_err(internal)
}

/// Runs the server: opens files and sockets, starts the server, waits for a stop signal and stops the server.
fn serve<G: Game>(config: &Config) -> Result<ExitCode, VerbFailure> {
    telemetry::logs::init(&config.log).map_err(invalid)?;
    log_panics();
    let data = DataDir::open(&config.data.dir).map_err(invalid)?;
    let journals = open_journals(&data)?;
    let run = begin_run(&data, &*journals)?;
    let incomplete_read = IncompleteRead::default();
    let tls = ServerTls::open(&config.net, &data, SystemTime::now()).map_err(invalid)?;
    let keys = EndpointKeys::open(&data).map_err(internal)?;
    let runtimes = Runtimes::start(config)?;
    let records = runtimes.storage.block_on(SqliteSink::open(data.path())).map_err(invalid)?;
    let (socket, http) = bind_sockets(config)?;
    let stopped = runtimes.network.block_on(async {
        // Before the start, so that a signal during the start stops the server gracefully.
        let stop = shutdown::listen().map_err(internal)?;
        let resources = ServerResources {
            udp: UdpResources::from_socket(socket).map_err(internal)?,
            tls: Arc::new(tls),
            keys,
            http: Some(http),
            records,
            journals: Some(journals),
            unclean_shutdown: run.unclean_shutdown(),
            incomplete_read: incomplete_read.clone(),
            seed: rand::random(),
            run: run.number(),
            room_runtime: runtimes.rooms.handle().clone(),
            storage_runtime: runtimes.storage.handle().clone(),
        };
        let server = Server::<G>::start(config, resources).map_err(internal)?;
        Ok(run_until_stopped(server, config, stop).await)
    })?;
    runtimes.shutdown();
    let has_all_results = !stopped.has_lost_results && !incomplete_read.is_set();
    Ok(record_stop(stopped.in_time, has_all_results, run))
}

/// The result of stopping a server.
struct Stopped {
    /// Whether all tasks ended within the grace period and, with `stop.rooms` = `save`, every room was saved.
    in_time: bool,
    /// Whether a room dropped match results during the run.
    has_lost_results: bool,
}

/// Waits for a stop signal, then ends or saves the rooms as `stop.rooms` configures, and stops the server.
async fn run_until_stopped<G: Game>(server: Server<G>, config: &Config, stop: CancellationToken) -> Stopped {
    stop.cancelled().await;
    let metrics = Arc::clone(server.metrics());
    let in_time = match config.stop.rooms {
        RoomsAtStop::End => server.shutdown().await,
        RoomsAtStop::Save => server.shutdown_and_save().await,
    };
    Stopped { in_time, has_lost_results: metrics.results.lost.get() > 0 }
}

/// Records a clean stop in the data directory and returns the exit code. Without the record, the next start looks for missing match
/// results in the journals.
fn record_stop(in_time: bool, has_all_results: bool, run: ServerRun) -> ExitCode {
    if !in_time {
        error!("stopped with unfinished work");
        return ExitCode::Internal;
    }
    if !has_all_results {
        warn!(
            "match results may be missing from the database, the next start looks for them in the journals"
        );
    } else if let Err(error) = run.mark_clean() {
        error!(%error, "cannot record the clean shutdown, the next start looks for missing match results in the journals");
    }
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
fn begin_run(data: &DataDir, journals: &dyn JournalStore) -> Result<ServerRun, VerbFailure> {
    data.begin_run(max_journal_run(journals), SystemTime::now()).map_err(|error| {
        let is_in_use = matches!(error, DataDirError::InUse { .. });
        VerbFailure::new(if is_in_use { ExitCode::InUse } else { ExitCode::Configuration }, error)
    })
}

/// Binds the players' UDP socket and the TCP socket of the admin HTTP server.
fn bind_sockets(config: &Config) -> Result<(UdpSocket, TcpListener), VerbFailure> {
    let failure = |error, address, key, flag| {
        let failure = cli::bind_failure(&error, address, key, flag);
        VerbFailure::new(failure.code, failure.message)
    };
    let (listen, http) = (config.net.listen, config.http.listen);
    let socket = endpoint::bind(listen).map_err(|error| failure(error, listen, "net.listen", "--listen"))?;
    let http = TcpListener::bind(http).map_err(|error| failure(error, http, "http.listen", "--http"))?;
    Ok((socket, http))
}

/// Creates a failure that only a change of the configuration or of the system can fix.
fn invalid(error: impl ToString) -> VerbFailure {
    VerbFailure::new(ExitCode::Configuration, error)
}

/// Creates a failure that the configuration did not cause.
fn internal(error: impl ToString) -> VerbFailure {
    VerbFailure::new(ExitCode::Internal, error)
}

/// Returns the highest run number of a journal. A later run must not reuse the number, even when the file that counts runs is lost,
/// because the names of journals would then clash.
fn max_journal_run(journals: &dyn JournalStore) -> u32 {
    let listed = [journals.list(), journals.list_aside()].into_iter().flatten().flatten();
    listed.map(|journal| journal.name.run).max().unwrap_or_default()
}

/// Opens the folder of journals in the data directory.
fn open_journals(data: &DataDir) -> Result<Arc<dyn JournalStore>, VerbFailure> {
    let path = data.file("journals");
    let folder = FolderStore::open(&path).map_err(|error| {
        let message = format!(
            "cannot create the folder of journals {}: {error}; set data.dir (--data-dir) to another folder",
            path.display()
        );
        VerbFailure::new(ExitCode::Configuration, message)
    })?;
    Ok(Arc::new(folder))
}

/// Logs panics in the log's format, so that no plain text appears between JSON lines.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        let payload = panic.payload_as_str().unwrap_or("(not a text)");
        error!(location, payload, "panic");
    }));
}

/// Starts a runtime whose threads have this name.
fn runtime(name: &str, workers: usize) -> Result<Runtime, VerbFailure> {
    Builder::new_multi_thread().worker_threads(workers).thread_name(name).enable_all().build().map_err(
        |error| VerbFailure::new(ExitCode::Internal, format!("cannot start the {name} threads: {error}")),
    )
}
