//! The verbs (the subcommands, such as `serve`) and flags of the command line.
//!
//! A flag that sets a configuration key carries its value as text. The configuration checks the text like a value of any other source,
//! so that a wrong value gets the same error in every source.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::matches::MatchesQuery;
use super::replay::ReplayVerb;
use crate::config::keys::ENVIRONMENT_PREFIX;
use crate::config::{FlagValue, Sources};

/// The command that the process runs.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Run the server.
    Serve(Sources),
    /// Check whether the server would start.
    Check(Sources),
    /// Print a documented configuration file with the defaults.
    ConfigDefault,
    /// Print the configuration in use.
    ConfigShow(Sources),
    /// Print the newest match results.
    Matches(Sources, MatchesQuery),
    /// Inspect and replay the journal of a room.
    Replay(ReplayVerb),
    /// Print the version, the protocol and the games.
    Version,
}

/// Parses the command line, whose first word is the program's name. `env` becomes the environment of the verb's [`Sources`].
///
/// # Errors
/// When the command line is wrong, or requests help or the version. The error prints itself with `print` and has its own `exit_code`:
/// 2, or 0 for help and the version.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: Vec<(String, OsString)>,
) -> Result<Verb, clap::Error> {
    let Cli { verb, flags } = Cli::try_parse_from(args)?;
    Ok(match verb {
        None => Verb::Serve(flags.into_sources(env)),
        Some(Command::Serve(flags)) => Verb::Serve(flags.into_sources(env)),
        Some(Command::Check(flags)) => Verb::Check(flags.into_sources(env)),
        Some(Command::Config { what: ConfigCommand::Default }) => Verb::ConfigDefault,
        Some(Command::Config { what: ConfigCommand::Show(flags) }) => {
            Verb::ConfigShow(flags.into_sources(env))
        }
        Some(Command::Matches(flags)) => {
            let query = MatchesQuery { newest: flags.newest, json: flags.json };
            Verb::Matches(flags.into_sources(env), query)
        }
        Some(Command::Replay { what }) => Verb::Replay(what),
        Some(Command::Version) => Verb::Version,
    })
}

/// Returns this process's environment variables with the prefix `QUARREL_`, for [`parse`]. In a name, bytes that are not Unicode become
/// replacement characters (U+FFFD), which no key has.
pub fn environment() -> Vec<(String, OsString)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
        .collect()
}

/// An authoritative multiplayer game server over QUIC
///
/// Without a command, `quarrel` runs the server.
#[derive(Parser)]
#[command(name = "quarrel", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve(Flags),
    /// Check whether the server would start, without starting it
    Check(Flags),
    /// Print the configuration
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Print the newest match results, also while the server runs
    Matches(MatchesFlags),
    /// Inspect, verify, slice or compare journals, the recordings of rooms
    Replay {
        #[command(subcommand)]
        what: ReplayVerb,
    },
    /// Print the version, the protocol version and the games
    Version,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print a configuration file with every key, its description and its default
    Default,
    /// Print the configuration in use, with the origin of each value
    Show(Box<Flags>),
}

#[derive(Args)]
struct Flags {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    // Not a doc comment: rustdoc would take the address for a link.
    #[arg(long, value_name = "ADDRESS", help = "UDP address for players [default: [::]:7777]")]
    listen: Option<String>,
    /// TCP address of the admin HTTP server [default: 127.0.0.1:7780]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Data directory of the server [default: ./quarrel-data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Game to run [default: the first that `quarrel version` lists]
    #[arg(long, value_name = "NAME")]
    game: Option<String>,
    /// Game steps per second, 1 to 128 [default: 30]
    #[arg(long, value_name = "HZ")]
    tick_rate: Option<String>,
    /// Snapshots per second to each player [default: the tick rate]
    #[arg(long, value_name = "HZ")]
    send_rate: Option<String>,
    /// Maximum number of rooms [default: 64]
    #[arg(long, value_name = "N")]
    rooms: Option<String>,
    /// Seats in each room [default: the game's]
    #[arg(long, value_name = "N")]
    seats: Option<String>,
    /// Bots in each room, on seats that no player needs [default: the game's]
    #[arg(long, value_name = "N")]
    bots: Option<String>,
    /// Run each step twice and compare the results [default: on in development builds, off in release builds]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on")]
    sync_test: Option<String>,
    /// End rooms when the server stops, or save them for the next start [default: end]
    #[arg(long, value_name = "end|save")]
    on_stop: Option<String>,
    /// End the journals of rooms that were running, instead of restoring these rooms
    #[arg(long)]
    no_resume: bool,
    /// Log lines to write: a level, or levels per module [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// PEM file with the certificate chain [default: a development certificate]
    #[arg(long, value_name = "FILE")]
    cert: Option<String>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
}

impl Flags {
    fn into_sources(self, env: Vec<(String, OsString)>) -> Sources {
        let given = [
            ("net.listen", "--listen", self.listen),
            ("http.listen", "--http", self.http),
            ("data.dir", "--data-dir", self.data_dir),
            ("game.name", "--game", self.game),
            ("room.tick_rate", "--tick-rate", self.tick_rate),
            ("room.send_rate", "--send-rate", self.send_rate),
            ("room.rooms", "--rooms", self.rooms),
            ("room.seats", "--seats", self.seats),
            ("room.bots", "--bots", self.bots),
            ("room.sync_test", "--sync-test", self.sync_test),
            ("stop.rooms", "--on-stop", self.on_stop),
            ("journal.resume", "--no-resume", self.no_resume.then(|| "off".to_owned())),
            ("log.filter", "--log", self.log),
            ("net.cert", "--cert", self.cert),
            ("net.key", "--key", self.key),
        ];
        let flags = given
            .into_iter()
            .filter_map(|(key, flag, value)| value.map(|value| FlagValue { key, value, flag }))
            .collect();
        Sources { file: self.config, env, flags }
    }
}

#[derive(Args)]
struct MatchesFlags {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory of the server [default: ./quarrel-data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Number of results
    #[arg(long, value_name = "N", default_value_t = 20)]
    newest: u32,
    /// Print one JSON object per line, with every player's score
    #[arg(long)]
    json: bool,
}

impl MatchesFlags {
    fn into_sources(self, env: Vec<(String, OsString)>) -> Sources {
        let flags = self.data_dir.map(|value| FlagValue { key: "data.dir", value, flag: "--data-dir" });
        Sources { file: self.config, env, flags: flags.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use clap::CommandFactory;

    use super::*;
    use crate::config::keys::KEYS;

    fn parsed(line: &str) -> Result<Verb, clap::Error> {
        parse(line.split(' ').map(OsString::from), Vec::new())
    }

    #[test]
    fn the_command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_verb_runs_the_server_with_the_same_flags() {
        for line in ["quarrel --rooms 3 --config a.toml", "quarrel serve --rooms 3 --config a.toml"] {
            let Ok(Verb::Serve(sources)) = parsed(line) else { panic!("{line} must run the server") };
            assert_eq!(sources.file, Some("a.toml".into()));
            assert_eq!(sources.flags, [FlagValue { key: "room.rooms", value: "3".into(), flag: "--rooms" }]);
        }
    }

    #[test]
    fn each_verb_is_parsed() {
        assert!(matches!(parsed("quarrel check --game crowd"), Ok(Verb::Check(_))));
        assert!(matches!(parsed("quarrel config default"), Ok(Verb::ConfigDefault)));
        assert!(matches!(parsed("quarrel config show --bots 2"), Ok(Verb::ConfigShow(_))));
        assert!(matches!(parsed("quarrel replay info a"), Ok(Verb::Replay(ReplayVerb::Info { .. }))));
        assert!(matches!(parsed("quarrel version"), Ok(Verb::Version)));
        let Ok(Verb::Matches(sources, query)) = parsed("quarrel matches --data-dir d --newest 3 --json")
        else {
            panic!("`matches` must be parsed")
        };
        assert_eq!(query, MatchesQuery { newest: 3, json: true });
        assert_eq!(sources.flags, [FlagValue { key: "data.dir", value: "d".into(), flag: "--data-dir" }]);
    }

    #[test]
    fn wrong_usage_exits_with_2_and_help_with_0() {
        assert_eq!(parsed("quarrel sreve").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel --rooms").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay verify").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay dump a --tick soon").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay slice a --from 1s").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay slice a --around 1 --to 5").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel --help").unwrap_err().exit_code(), 0);
    }

    #[test]
    fn a_path_that_is_not_unicode_is_used_as_it_is_or_refused() {
        let broken = OsString::from_vec(b"a\xff".to_vec());
        let line = |flag: &str| vec![OsString::from("quarrel"), flag.into(), broken.clone()];
        let Ok(Verb::Serve(sources)) = parse(line("--config"), Vec::new()) else {
            panic!("a file may have any name")
        };
        assert_eq!(sources.file, Some(broken.clone().into()));
        let refusal = parse(line("--data-dir"), Vec::new()).unwrap_err();
        assert_eq!(refusal.exit_code(), 2);
        assert!(refusal.to_string().contains("invalid UTF-8"), "{refusal}");
    }

    #[test]
    fn a_switch_without_a_value_is_on() {
        let typed = [
            ("--sync-test", "on"),
            ("--sync-test=off", "off"),
            ("--sync-test off", "off"),
            ("--sync-test --bots 2", "on"),
        ];
        for (line, value) in typed {
            let Ok(Verb::Serve(sources)) = parsed(&format!("quarrel {line}")) else {
                panic!("{line} must be parsed")
            };
            let flag = sources.flags.iter().find(|flag| flag.key == "room.sync_test");
            assert_eq!(flag.map(|flag| flag.value.as_str()), Some(value), "{line}");
        }
    }

    #[test]
    fn the_key_table_and_the_command_line_have_the_same_flags_and_each_sets_its_key() {
        let with_flags: Vec<_> = KEYS.iter().filter_map(|key| Some((key.path(), key.flag?))).collect();
        for (path, flag) in &with_flags {
            let line = format!("quarrel {flag} value");
            let Ok(Verb::Serve(sources)) = parsed(&line) else { panic!("{line} must be parsed") };
            assert_eq!((sources.flags[0].key, sources.flags[0].flag), (path.as_str(), *flag));
        }
        // `--no-resume` sets a key without taking a value, so no key has it as its flag.
        let others = ["config", "help", "version", "no-resume"];
        let command = Cli::command();
        let longs = command.get_arguments().filter_map(|arg| arg.get_long());
        assert_eq!(longs.filter(|long| !others.contains(long)).count(), with_flags.len());
    }
}
