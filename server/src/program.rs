//! The `quarrel` program for any games: runs a verb (a subcommand, such as `serve`) and returns its exit code. The `main` function of a
//! game's server calls [`main`] or [`main_with`].

use std::{
    io::{self, Write},
    process,
    sync::mpsc,
    thread,
    time::{Duration, SystemTime},
};

use quarrel_shared::{game::Game, limits::MAX_ROOM_SEATS, tick::TickRate};

use crate::{
    cli::{self, ExitCode, GameTrials, MatchesQuery, Verb},
    config::{self, Config, ConfigError, GameDefaults, Sources},
    exit_code::VerbFailure,
    recovery::{Recovery, RecoveryTrial},
    replay::{self, ReplayError, ReplayGame},
    serve::{ConfigReader, runtime, serve},
    storage::{self, MatchRecord, journals::JournalStore},
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
    restore: fn(&dyn JournalStore, TickRate) -> io::Result<RecoveryTrial>,
    serve: fn(Config, ConfigReader) -> Result<ExitCode, VerbFailure>,
    replay: ReplayGame,
}

impl GameEntry {
    /// Creates the entry of the game `G`.
    #[must_use]
    pub fn of<G: Game>() -> Self {
        Self {
            defaults: GameDefaults::of::<G>(),
            check: |config| config.settings::<G::Settings>().map(drop),
            restore: Recovery::<G>::trial,
            serve: serve::<G>,
            replay: ReplayGame::of::<G>(),
        }
    }
}

/// Runs a verb, which prints to `out`.
fn run(verb: Verb, games: &[GameEntry], defaults: &[GameDefaults], out: &mut dyn Write) -> ExitCode {
    let printed = match verb {
        Verb::Serve(sources) => {
            return report(load(&sources, games, defaults).and_then(|(config, game)| {
                (game.serve)(config, config_reader(sources.clone(), defaults.to_vec(), game))
            }));
        }
        Verb::Check(sources) => {
            let settings = |config: &Config| (entry(games, config).check)(config);
            let restore =
                |config: &Config, store: &dyn JournalStore, rate| (entry(games, config).restore)(store, rate);
            let trials = GameTrials { settings: &settings, restore: &restore };
            cli::check(&sources, defaults, trials, SystemTime::now(), out)
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
        print_error(failure.message);
        failure.code
    })
}

/// Prints a failure to standard error, and waits for that for a second at most: a reader that is stuck must not keep the process alive.
fn print_error(message: String) {
    let (done, printed) = mpsc::channel();
    thread::spawn(move || {
        let _ = writeln!(io::stderr(), "quarrel: {message}");
        let _ = done.send(());
    });
    let _ = printed.recv_timeout(Duration::from_secs(1));
}

/// Loads the configuration and checks the game's settings.
fn load<'a>(
    sources: &Sources,
    games: &'a [GameEntry],
    defaults: &[GameDefaults],
) -> Result<(Config, &'a GameEntry), VerbFailure> {
    let config = config::load(sources, defaults).map_err(VerbFailure::configuration)?;
    let game = entry(games, &config);
    (game.check)(&config).map_err(VerbFailure::configuration)?;
    Ok((config, game))
}

/// Returns a function that reads the configuration of a running server of this game again.
fn config_reader(sources: Sources, defaults: Vec<GameDefaults>, game: &GameEntry) -> ConfigReader {
    let check = game.check;
    Box::new(move || {
        let config = config::load(&sources, &defaults)?;
        check(&config)?;
        Ok(config)
    })
}

/// Returns the game that the configuration selects. It is one of `games`, because the configuration accepts no other name.
fn entry<'a>(games: &'a [GameEntry], config: &Config) -> &'a GameEntry {
    games.iter().find(|game| game.defaults.name == config.game.name).unwrap_or(&games[0])
}

// Here, because the configuration does not depend on games.
impl GameDefaults {
    /// Returns the defaults of the game `G`.
    #[must_use]
    pub fn of<G: Game>() -> Self {
        Self {
            name: G::NAME,
            seats: G::ROOM.seats,
            bots: G::ROOM.bots,
            max_seats: G::ROOM.max_seats.min(MAX_ROOM_SEATS),
            bot_skill: G::SKILLS.first().copied().unwrap_or_default(),
            skills: G::SKILLS,
            // A game's settings must serialize to a table of plain values. Otherwise the game has no settings, which `config default` shows.
            settings: toml::Table::try_from(G::Settings::default()).unwrap_or_default(),
        }
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
    let newest = runtime("reader", 1)?.block_on(storage::newest_matches(dir, query.newest));
    newest.map_err(|error| VerbFailure::new(error.exit_code(), error))
}
