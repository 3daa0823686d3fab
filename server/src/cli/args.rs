//! Verbs and flags.
//!
//! Flags carry text: what they take is checked where every other source of the configuration is, so that a bad value
//! gets the same error wherever it stands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::ReplayVerb;
use super::matches::MatchesQuery;
use crate::config::keys::ENVIRONMENT_PREFIX;
use crate::config::{FlagValue, Sources};

/// What the process was asked to do.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Run the server.
    Serve(Sources),
    /// Say whether it would start.
    Check(Sources),
    /// Print the file to begin with.
    ConfigDefault,
    /// Print what is in force.
    ConfigShow(Sources),
    /// Print the newest match results.
    Matches(Sources, MatchesQuery),
    /// Say what a room's journal says.
    Replay(ReplayVerb),
    /// Print what this binary is.
    Version,
}

/// Reads the command line, its first word being the program's name, and hands the environment on to the configuration.
///
/// An error from here is printed by its own `print`, and exits with its own `exit_code`: 2, or 0 when help was asked for.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: Vec<(String, String)>,
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

/// Our part of this process's environment, for [`parse`].
///
/// Text that is not Unicode comes with replacement characters, so that it is refused rather than overlooked.
pub fn environment() -> Vec<(String, String)> {
    let lossy = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (lossy(name), lossy(value)))
        .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
        .collect()
}

/// An authoritative multiplayer game server over QUIC.
///
/// Without a verb it serves.
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
    /// Run the server (the same as no verb)
    Serve(Flags),
    /// Say whether the server would start, and as what; exit 78 if not
    Check(Flags),
    /// Print the configuration
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Print the newest match results, of a server that runs or not
    Matches(MatchesFlags),
    /// Play a room's journal again: look into it, verify it, cut it, find where it parts from another
    Replay {
        #[command(subcommand)]
        what: ReplayVerb,
    },
    /// Print the version, the protocol's version and the games
    Version,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print a file to begin with: every key, documented
    Default,
    /// Print what is in force, and where each value came from
    Show(Box<Flags>),
}

#[derive(Args)]
struct Flags {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    // Not a doc comment: rustdoc would take the address for a link.
    #[arg(long, value_name = "ADDRESS", help = "UDP address for players [default: [::]:7777]")]
    listen: Option<String>,
    /// TCP address of the operator's plane [default: 127.0.0.1:7780]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Folder of everything the server keeps [default: ./quarrel-data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Which game is played [default: the first that `quarrel version` names]
    #[arg(long, value_name = "NAME")]
    game: Option<String>,
    /// Steps a second, 1 to 128 [default: 30]
    #[arg(long, value_name = "HZ")]
    tick_rate: Option<String>,
    /// Snapshots a second to each player [default: the tick rate]
    #[arg(long, value_name = "HZ")]
    send_rate: Option<String>,
    /// The most rooms at once [default: 64]
    #[arg(long, value_name = "N")]
    rooms: Option<String>,
    /// Places in each room [default: the game's]
    #[arg(long, value_name = "N")]
    seats: Option<String>,
    /// Bots in each room beside its people, while it has empty seats [default: the game's]
    #[arg(long, value_name = "N")]
    bots: Option<String>,
    /// Make each step twice and compare [default: on in development builds, off in release builds]
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on")]
    sync_test: Option<String>,
    /// What becomes of rooms when the server is told to stop: save, they go on when it starts again [default: end]
    #[arg(long, value_name = "end|save")]
    on_stop: Option<String>,
    /// Start clean: end the journals of rooms that would be brought back
    #[arg(long)]
    no_resume: bool,
    /// Which log lines are written [default: info]
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
    fn into_sources(self, env: Vec<(String, String)>) -> Sources {
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
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's folder [default: ./quarrel-data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    newest: u32,
    /// One JSON object a line, with every player's score
    #[arg(long)]
    json: bool,
}

impl MatchesFlags {
    fn into_sources(self, env: Vec<(String, String)>) -> Sources {
        let flags = self.data_dir.map(|value| FlagValue { key: "data.dir", value, flag: "--data-dir" });
        Sources { file: self.config, env, flags: flags.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::keys::KEYS;

    fn parsed(line: &str) -> Result<Verb, clap::Error> {
        parse(line.split(' ').map(OsString::from), Vec::new())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_verb_serves_and_takes_the_same_flags() {
        for line in ["quarrel --rooms 3 --config a.toml", "quarrel serve --rooms 3 --config a.toml"] {
            let Ok(Verb::Serve(sources)) = parsed(line) else { panic!("{line} serves") };
            assert_eq!(sources.file, Some("a.toml".into()));
            assert_eq!(sources.flags, [FlagValue { key: "room.rooms", value: "3".into(), flag: "--rooms" }]);
        }
    }

    #[test]
    fn each_verb_is_understood() {
        assert!(matches!(parsed("quarrel check --game crowd"), Ok(Verb::Check(_))));
        assert!(matches!(parsed("quarrel config default"), Ok(Verb::ConfigDefault)));
        assert!(matches!(parsed("quarrel config show --bots 2"), Ok(Verb::ConfigShow(_))));
        assert!(matches!(parsed("quarrel replay info a"), Ok(Verb::Replay(ReplayVerb::Info { .. }))));
        assert!(matches!(parsed("quarrel version"), Ok(Verb::Version)));
        let Ok(Verb::Matches(sources, query)) = parsed("quarrel matches --data-dir d --newest 3 --json")
        else {
            panic!("results are asked for")
        };
        assert_eq!(query, MatchesQuery { newest: 3, json: true });
        assert_eq!(sources.flags, [FlagValue { key: "data.dir", value: "d".into(), flag: "--data-dir" }]);
    }

    #[test]
    fn bad_usage_exits_with_two_and_help_with_zero() {
        assert_eq!(parsed("quarrel sreve").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel --rooms").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay verify").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay dump a --tick soon").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay slice a --from 1s").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel replay slice a --around 1 --to 5").unwrap_err().exit_code(), 2);
        assert_eq!(parsed("quarrel --help").unwrap_err().exit_code(), 0);
    }

    #[test]
    fn a_switch_may_stand_alone() {
        let typed = [
            ("--sync-test", "on"),
            ("--sync-test=off", "off"),
            ("--sync-test off", "off"),
            ("--sync-test --bots 2", "on"),
        ];
        for (line, value) in typed {
            let Ok(Verb::Serve(sources)) = parsed(&format!("quarrel {line}")) else {
                panic!("{line} is understood")
            };
            let said = sources.flags.iter().find(|flag| flag.key == "room.sync_test");
            assert_eq!(said.map(|flag| flag.value.as_str()), Some(value), "{line}");
        }
    }

    #[test]
    fn every_flag_of_the_key_table_sets_its_key_and_there_is_no_other() {
        let with_flags: Vec<_> = KEYS.iter().filter_map(|key| Some((key.path(), key.flag?))).collect();
        for (path, flag) in &with_flags {
            let line = format!("quarrel {flag} value");
            let Ok(Verb::Serve(sources)) = parsed(&line) else { panic!("{line} is understood") };
            assert_eq!((sources.flags[0].key, sources.flags[0].flag), (path.as_str(), *flag));
        }
        // The last of these sets a key without a value of its own.
        let ours = ["config", "help", "version", "no-resume"];
        let command = Cli::command();
        let longs = command.get_arguments().filter_map(|arg| arg.get_long());
        assert_eq!(longs.filter(|long| !ours.contains(long)).count(), with_flags.len());
    }
}
