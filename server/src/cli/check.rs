//! `quarrel check`: what a start would meet, tried without serving anybody.
//!
//! All that can be wrong is tried and told at once; a person should not have to mend a server one line at a time.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::SystemTime;

use super::ExitCode;
use crate::config::{Config, ConfigError, GameDefaults, Sources, Switch, load};
use crate::data_dir::{DataDir, DataDirError};
use crate::net::tls::identity::Identity;
use crate::storage::{
    self,
    journals::{FolderStore, JournalStore as _},
};

/// Tries everything a start needs and prints what it found; the exit code says whether the server would start.
///
/// It makes the data directory where it is missing, for nothing else shows that it can be made.
/// What only the game's own type can refuse is tried by `try_settings`, with [`Config::settings`].
pub fn check(
    sources: &Sources,
    games: &[GameDefaults],
    try_settings: &dyn Fn(&Config) -> Result<(), ConfigError>,
    now: SystemTime,
    out: &mut dyn Write,
) -> io::Result<ExitCode> {
    let loaded = load(sources, games).and_then(|config| try_settings(&config).map(|()| config));
    let config = match loaded {
        Ok(config) => config,
        Err(error) => {
            writeln!(out, "configuration  {error}")?;
            return Ok(ExitCode::Configuration);
        }
    };
    let room = &config.room;
    writeln!(out, "configuration  ok")?;
    writeln!(
        out,
        "game           {}: {} rooms of {} seats, {} bots ({}), {} ticks and {} snapshots a second",
        config.game.name, room.rooms, room.seats, room.bots, room.bot_skill, room.tick_rate, room.send_rate
    )?;
    let findings = [
        ("data", data(&config)),
        ("journals", journals(&config)),
        ("results", results(&config)),
        ("certificate", certificate(&config, now)),
        ("players", players(config.net.listen)),
        ("operators", operators(config.http.listen)),
    ];
    let mut worst = ExitCode::Done;
    for (what, finding) in findings {
        let (text, code) = match finding {
            Ok(text) => (text, ExitCode::Done),
            Err(Fault { text, code }) => (text, code),
        };
        writeln!(out, "{what:<13}  {text}")?;
        // A wrong setting outweighs a port that may be free a moment later.
        if code as u8 > worst as u8 {
            worst = code;
        }
    }
    Ok(worst)
}

/// Something that would keep the server from starting.
struct Fault {
    text: String,
    code: ExitCode,
}

impl Fault {
    fn configuration(error: &dyn ToString) -> Self {
        Self { text: error.to_string(), code: ExitCode::Configuration }
    }
}

fn data(config: &Config) -> Result<String, Fault> {
    let dir = DataDir::open(&config.data.dir).map_err(|error| Fault::configuration(&error))?;
    if dir.is_in_use() {
        let error = DataDirError::InUse { path: dir.path().to_owned() };
        return Err(Fault { text: error.to_string(), code: ExitCode::InUse });
    }
    Ok(format!("{} is writable", dir.path().display()))
}

/// A journal without an end is of a room that a start brings back, or that another server steps just now.
fn journals(config: &Config) -> Result<String, Fault> {
    if config.journal.write == Switch::Off && config.journal.resume == Switch::On {
        return Ok("none is written, and those that are there wait for another start (journal.write is off)"
            .to_owned());
    }
    let path = config.data.dir.join("journals");
    if !path.exists() {
        return Ok("none yet".to_owned());
    }
    let unreadable =
        |error: io::Error| Fault::configuration(&format!("cannot read {}: {error}", path.display()));
    let store = FolderStore::open(&path).map_err(unreadable)?;
    let all = store.list().map_err(unreadable)?;
    let open = all.iter().filter(|kept| !store.has_end(kept.name)).count();
    let fate = match config.journal.resume {
        Switch::On => "would bring their rooms back",
        Switch::Off => "would be ended (journal.resume is off)",
    };
    Ok(format!("{open} of {} {fate}", all.len()))
}

fn results(config: &Config) -> Result<String, Fault> {
    let reader = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reader = reader.map_err(|error| Fault::configuration(&error))?;
    let newest = storage::newest_matches(&config.data.dir, 1);
    let newest = reader.block_on(newest).map_err(|error| Fault::configuration(&error))?;
    Ok(if newest.is_empty() { "no match has ended yet" } else { "the database of matches opens" }.to_owned())
}

fn certificate(config: &Config, now: SystemTime) -> Result<String, Fault> {
    let (Some(cert), Some(key)) = (&config.net.cert, &config.net.key) else {
        return Ok("a development certificate, kept in the data directory and renewed in time".into());
    };
    let identity = Identity::read(cert, key).map_err(|error| Fault::configuration(&error))?;
    match identity.valid_until().duration_since(now) {
        Ok(left) => Ok(format!("{} is valid for {} days more", cert.display(), left.as_secs() / 86_400)),
        Err(_) => Err(Fault::configuration(&format!("{} has expired", cert.display()))),
    }
}

fn players(listen: SocketAddr) -> Result<String, Fault> {
    let bound = UdpSocket::bind(listen).map(drop);
    bound
        .map(|()| format!("QUIC on {listen}"))
        .map_err(|error| bind_fault(&error, listen, "net.listen", "--listen"))
}

fn operators(listen: SocketAddr) -> Result<String, Fault> {
    let bound = TcpListener::bind(listen).map(drop);
    bound
        .map(|()| format!("HTTP on {listen}"))
        .map_err(|error| bind_fault(&error, listen, "http.listen", "--http"))
}

fn bind_fault(error: &io::Error, address: SocketAddr, key: &str, flag: &str) -> Fault {
    let BindFailure { message, code } = bind_failure(error, address, key, flag);
    Fault { text: message, code }
}

/// What to tell a person whose address cannot be bound, and what to exit with.
#[derive(Debug, PartialEq, Eq)]
pub struct BindFailure {
    /// Which address, why, and which setting changes it.
    pub message: String,
    /// 69 when another process has it, 78 when this machine does not.
    pub code: ExitCode,
}

/// The failure to bind `address`, which the configuration's `key` (and `flag`) sets.
pub fn bind_failure(error: &io::Error, address: SocketAddr, key: &str, flag: &str) -> BindFailure {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindFailure {
            message: format!(
                "{address} is in use by another process; stop that one, or change {key} ({flag})"
            ),
            code: ExitCode::InUse,
        },
        _ => BindFailure {
            message: format!("cannot listen on {address}: {error}; change {key} ({flag})"),
            code: ExitCode::Configuration,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use quarrel_shared::journal::block::TRAILER;

    use super::*;
    use crate::config::{FlagValue, Origin};

    fn game() -> GameDefaults {
        GameDefaults {
            name: "duel",
            seats: 16,
            bots: 6,
            bot_skill: "hunt",
            skills: &["hunt"],
            settings: toml::Table::new(),
        }
    }

    /// What `check` says with these keys set, on ports of the system's choice and a data directory of its own.
    fn checked(pairs: &[(&'static str, &str)]) -> (String, ExitCode) {
        let folder = tempfile::tempdir().unwrap();
        checked_in(&folder.path().join("data"), pairs)
    }

    /// The same in this data directory.
    fn checked_in(dir: &Path, pairs: &[(&'static str, &str)]) -> (String, ExitCode) {
        let dir = dir.display().to_string();
        let defaults = [("net.listen", "127.0.0.1:0"), ("http.listen", "127.0.0.1:0"), ("data.dir", &dir)];
        let flags = defaults
            .iter()
            .chain(pairs)
            .map(|(key, value)| FlagValue { key, value: (*value).to_owned(), flag: "--test" })
            .collect();
        let mut out = Vec::new();
        let sources = Sources { flags, ..Sources::default() };
        let code = check(&sources, &[game()], &|_| Ok(()), SystemTime::now(), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), code)
    }

    #[test]
    fn a_server_that_would_start_is_told_as_what() {
        let (text, code) = checked(&[]);
        assert_eq!(code, ExitCode::Done, "{text}");
        assert!(
            text.contains("duel: 64 rooms of 16 seats, 6 bots (hunt), 30 ticks and 30 snapshots"),
            "{text}"
        );
        assert!(text.contains("is writable") && text.contains("QUIC on 127.0.0.1:0"), "{text}");
    }

    #[test]
    fn a_data_directory_that_another_server_uses_exits_with_69() {
        let folder = tempfile::tempdir().unwrap();
        let run =
            DataDir::open(folder.path()).unwrap().begin_run(0, std::time::SystemTime::UNIX_EPOCH).unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        assert_eq!(code, ExitCode::InUse, "{text}");
        assert!(text.contains("another server uses the data directory"), "{text}");
        drop(run);
        assert_eq!(checked_in(folder.path(), &[]).1, ExitCode::Done);
    }

    #[test]
    fn what_an_earlier_run_left_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (text, _) = checked_in(folder.path(), &[]);
        assert!(text.contains("none yet") && text.contains("no match has ended yet"), "{text}");
        let journals = folder.path().join("journals");
        std::fs::create_dir(&journals).unwrap();
        let ended = [&[0; 8][..], &TRAILER].concat();
        std::fs::write(journals.join("run-00001-room-000001.journal"), ended).unwrap();
        std::fs::write(journals.join("run-00001-room-000002.journal"), "no end").unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        assert!(text.contains("1 of 2 would bring their rooms back"), "{text}");
        assert_eq!(code, ExitCode::Done);
        let (text, _) = checked_in(folder.path(), &[("journal.resume", "off")]);
        assert!(text.contains("1 of 2 would be ended (journal.resume is off)"), "{text}");
        std::fs::write(folder.path().join("matches.db"), "no database, however long it is read").unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        assert!(text.contains("cannot use the match results in"), "{text}");
        assert_eq!(code, ExitCode::Configuration);
    }

    #[test]
    fn a_bad_value_exits_with_78() {
        let (text, code) = checked(&[("room.tick_rate", "0")]);
        assert_eq!(code, ExitCode::Configuration);
        assert!(text.contains("--test: room.tick_rate is 0"), "{text}");
    }

    #[test]
    fn settings_that_the_game_refuses_exit_with_78() {
        let refuse = |_: &Config| {
            let (at, key) = (Origin::Flag("--test"), "game.settings.mode".to_owned());
            Err(ConfigError::Settings { at, key, message: "no such mode".into() })
        };
        let mut out = Vec::new();
        let code = check(&Sources::default(), &[game()], &refuse, SystemTime::now(), &mut out).unwrap();
        assert_eq!(code, ExitCode::Configuration);
        assert!(String::from_utf8(out).unwrap().contains("game.settings.mode: no such mode"));
    }

    #[test]
    fn a_port_in_use_exits_with_69_and_says_which() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let (text, code) = checked(&[("net.listen", &address)]);
        assert_eq!(code, ExitCode::InUse);
        assert!(
            text.contains(&format!("{address} is in use")) && text.contains("net.listen (--listen)"),
            "{text}"
        );
    }

    #[test]
    fn every_fault_is_told_at_once_and_a_wrong_setting_outweighs_a_busy_port() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let (text, code) = checked(&[
            ("http.listen", &address),
            ("net.cert", "/nowhere/cert.pem"),
            ("net.key", "/nowhere/key.pem"),
            ("data.dir", "/dev/null/data"),
        ]);
        assert_eq!(code, ExitCode::Configuration);
        assert!(text.contains("cannot read /nowhere/cert.pem"), "{text}");
        assert!(text.contains("cannot create the data directory /dev/null/data"), "{text}");
        assert!(text.contains("is in use"), "{text}");
    }
}
