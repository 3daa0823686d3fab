//! The `quarrel` program around any game: verbs, exit codes, runtimes. What somebody's own `main` calls.

use std::{
    io::{self, Write},
    net::TcpListener,
    process,
    sync::Arc,
    time::SystemTime,
};

use quarrel_shared::game::Game;
use tokio::runtime::{Builder, Runtime};
use tracing::{error, warn};

use crate::{
    cli::{self, ExitCode, MatchesQuery, Verb},
    config::{self, Config, ConfigError, GameDefaults, RoomsAtStop, Sources},
    data_dir::{DataDir, DataDirError},
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    replay::{self, ReplayError, ReplayGame},
    server::{Seams, Server},
    shutdown,
    storage::{
        self, MatchRecord, SqliteSink,
        journals::{FolderStore, IncompleteRead, JournalStore},
    },
    telemetry,
};

/// A whole server program for one game: arguments, configuration, signals, exit code.
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

/// The same for several games, of which `--game` picks one; the first is the default. There must be at least one.
#[must_use]
pub fn main_with(games: &[GameEntry]) -> process::ExitCode {
    let verb = match cli::parse(std::env::args_os(), cli::environment()) {
        Ok(verb) => verb,
        Err(error) => {
            // Nothing can be done about a terminal that is gone.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done }.into();
        }
    };
    let defaults: Vec<_> = games.iter().map(|game| game.defaults.clone()).collect();
    run(verb, games, &defaults, &mut io::stdout()).into()
}

/// One game of a binary.
pub struct GameEntry {
    defaults: GameDefaults,
    check: fn(&Config) -> Result<(), ConfigError>,
    serve: fn(&Config) -> Result<ExitCode, Failure>,
    replay: ReplayGame,
}

impl GameEntry {
    /// This game.
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

/// What went wrong, and the code to exit with.
struct Failure {
    code: ExitCode,
    message: String,
}

impl Failure {
    fn new(code: ExitCode, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

fn run(verb: Verb, games: &[GameEntry], defaults: &[GameDefaults], out: &mut dyn Write) -> ExitCode {
    let printed = match verb {
        Verb::Serve(sources) => {
            return or_say(load(&sources, games, defaults).and_then(|(config, game)| (game.serve)(&config)));
        }
        Verb::Check(sources) => {
            let check = |config: &Config| (entry(games, config).check)(config);
            cli::check(&sources, defaults, &check, SystemTime::now(), out)
        }
        Verb::ConfigShow(sources) => match load(&sources, games, defaults) {
            Ok((config, _)) => cli::print_config(&config, out).map(|()| ExitCode::Done),
            Err(failure) => return or_say(Err(failure)),
        },
        Verb::Matches(sources, query) => match matches(&sources, query, games, defaults) {
            Ok(records) => cli::print_matches(&records, query.json, out).map(|()| ExitCode::Done),
            Err(failure) => return or_say(Err(failure)),
        },
        Verb::Replay(verb) => {
            let games: Vec<_> = games.iter().map(|game| game.replay).collect();
            match replay::run(&verb, &games, out) {
                Ok(code) => Ok(code),
                Err(ReplayError::Failed { code, message }) => return or_say(Err(Failure { code, message })),
                Err(ReplayError::Output(error)) => Err(error),
            }
        }
        Verb::ConfigDefault => cli::print_default_config(defaults, out).map(|()| ExitCode::Done),
        Verb::Version => cli::print_version(defaults, out).map(|()| ExitCode::Done),
    };
    // Whoever closed our output has read enough.
    printed.unwrap_or(ExitCode::Done)
}

fn or_say(result: Result<ExitCode, Failure>) -> ExitCode {
    result.unwrap_or_else(|failure| {
        let _ = writeln!(io::stderr(), "quarrel: {}", failure.message);
        failure.code
    })
}

fn load<'a>(
    sources: &Sources,
    games: &'a [GameEntry],
    defaults: &[GameDefaults],
) -> Result<(Config, &'a GameEntry), Failure> {
    let wrong = |error: ConfigError| Failure::new(ExitCode::Configuration, error);
    let config = config::load(sources, defaults).map_err(wrong)?;
    let game = entry(games, &config);
    (game.check)(&config).map_err(wrong)?;
    Ok((config, game))
}

/// The game that the configuration names: it accepts no other.
fn entry<'a>(games: &'a [GameEntry], config: &Config) -> &'a GameEntry {
    games.iter().find(|game| game.defaults.name == config.game.name).unwrap_or(&games[0])
}

fn defaults<G: Game>() -> GameDefaults {
    GameDefaults {
        name: G::NAME,
        seats: G::ROOM.seats,
        bots: G::ROOM.bots,
        bot_skill: G::SKILLS.first().copied().unwrap_or_default(),
        skills: G::SKILLS,
        // Settings of flat, plain values; anything else is the game's fault and shows in its first `config default`.
        settings: toml::Table::try_from(G::Settings::default()).unwrap_or_default(),
    }
}

fn matches(
    sources: &Sources,
    query: MatchesQuery,
    games: &[GameEntry],
    defaults: &[GameDefaults],
) -> Result<Vec<MatchRecord>, Failure> {
    let (config, _) = load(sources, games, defaults)?;
    let dir = &config.data.dir;
    if !dir.is_dir() {
        let message = format!(
            "there is no data directory at {}: a server makes it when it starts; --data-dir names another",
            dir.display()
        );
        return Err(Failure::new(ExitCode::Configuration, message));
    }
    runtime("reader", 1)?
        .block_on(storage::newest_matches(dir, query.newest))
        .map_err(|error| Failure::new(ExitCode::Internal, error))
}

/// Everything that may fail before the first player, then the server, then its stop.
fn serve<G: Game>(config: &Config) -> Result<ExitCode, Failure> {
    telemetry::logs::init(&config.log).map_err(|error| Failure::new(ExitCode::Configuration, error))?;
    log_panics();
    let data =
        DataDir::open(&config.data.dir).map_err(|error| Failure::new(ExitCode::Configuration, error))?;
    let journals = journals(&data)?;
    let run = data.begin_run(last_run(&*journals), SystemTime::now()).map_err(|error| {
        let is_in_use = matches!(error, DataDirError::InUse { .. });
        Failure::new(if is_in_use { ExitCode::InUse } else { ExitCode::Configuration }, error)
    })?;
    let incomplete_read = IncompleteRead::default();
    let tls = ServerTls::open(&config.net, &data, SystemTime::now())
        .map_err(|error| Failure::new(ExitCode::Configuration, error))?;
    let keys = EndpointKeys::open(&data).map_err(|error| Failure::new(ExitCode::Internal, error))?;
    let network = runtime("network", config.net.workers)?;
    let rooms = runtime("rooms", config.room.workers)?;
    // One for journals, which wait for files, and one for results: neither waits for the other's disk.
    let storage = runtime("storage", 2)?;
    let records = storage
        .block_on(SqliteSink::open(data.path()))
        .map_err(|error| Failure::new(ExitCode::Configuration, error))?;
    let listen = config.net.listen;
    let socket = endpoint::bind(listen).map_err(|error| {
        let failure = cli::bind_failure(&error, listen, "net.listen", "--listen");
        Failure::new(failure.code, failure.message)
    })?;
    let http = TcpListener::bind(config.http.listen).map_err(|error| {
        let failure = cli::bind_failure(&error, config.http.listen, "http.listen", "--http");
        Failure::new(failure.code, failure.message)
    })?;
    let (in_time, is_settled) = network.block_on(async {
        let internal = |error: &dyn std::fmt::Display| Failure::new(ExitCode::Internal, error);
        let stop = shutdown::listen().map_err(|error| internal(&error))?;
        let seams = Seams {
            udp: UdpResources::from_socket(socket).map_err(|error| internal(&error))?,
            tls: Arc::new(tls),
            keys,
            http: Some(http),
            records,
            seed: rand::random(),
            run: run.number(),
            unclean_shutdown: run.unclean_shutdown(),
            incomplete_read: incomplete_read.clone(),
            journals: Some(journals),
            rooms: rooms.handle().clone(),
            storage: storage.handle().clone(),
        };
        let server = Server::<G>::start(config, seams).map_err(|error| internal(&error))?;
        stop.cancelled().await;
        let metrics = Arc::clone(server.metrics());
        let in_time = match config.stop.rooms {
            RoomsAtStop::End => server.shutdown().await,
            RoomsAtStop::Save => server.shutdown_and_save().await,
        };
        Ok((in_time, metrics.results.lost.get() == 0 && !incomplete_read.is_set()))
    })?;
    // A game that hangs in its step must not keep the process, nor must a disk that hangs.
    rooms.shutdown_background();
    storage.shutdown_background();
    network.shutdown_background();
    if !in_time {
        error!("stopped with work unfinished");
        return Ok(ExitCode::Internal);
    }
    if !is_settled {
        warn!("results may be missing that journals have: the next start looks for them");
    } else if let Err(error) = run.mark_clean() {
        error!(%error, "the next start will look for results that were not written");
    }
    Ok(ExitCode::Done)
}

/// The last run that left a journal: no other may have its names, not even if the file is lost that counts runs.
fn last_run(journals: &dyn JournalStore) -> u32 {
    let listed = [journals.list(), journals.list_aside()].into_iter().flatten().flatten();
    listed.map(|kept| kept.name.run).max().unwrap_or_default()
}

/// Where rooms are written down, and were.
fn journals(data: &DataDir) -> Result<Arc<dyn JournalStore>, Failure> {
    let path = data.file("journals");
    let folder = FolderStore::open(&path).map_err(|error| {
        let message = format!("cannot make {}: {error}; set data.dir (--data-dir)", path.display());
        Failure::new(ExitCode::Configuration, message)
    })?;
    Ok(Arc::new(folder))
}

/// A game's panic goes to the log like everything else, in its format, and not as plain text between JSON lines.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(tracing::field::display);
        let what = panic.payload_as_str().unwrap_or("something that is no text");
        error!(place, what, "panic");
    }));
}

fn runtime(name: &str, workers: usize) -> Result<Runtime, Failure> {
    Builder::new_multi_thread().worker_threads(workers).thread_name(name).enable_all().build().map_err(
        |error| Failure::new(ExitCode::Internal, format!("cannot start the {name} threads: {error}")),
    )
}
