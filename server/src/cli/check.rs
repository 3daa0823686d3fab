//! `quarrel check`: a dry run of a start.
//!
//! The first error of the configuration is reported alone, because the other checks need a valid configuration. With a valid
//! configuration, every other check runs and all failures are reported at once, so that an operator does not have to fix them one by
//! one. The checks change nothing: rooms are restored from their journals on trial, and the database is not written.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::SystemTime;

use quarrel_shared::tick::TickRate;

use super::{BindFailure, ExitCode, bind_failure};
use crate::admin::access::AccessPolicy;
use crate::config::{Config, ConfigError, GameDefaults, Sources, Switch, load};
use crate::data_dir::{DataDir, DataDirError};
use crate::net::endpoint;
use crate::net::keys::EndpointKeys;
use crate::net::listen::bind_players;
use crate::net::tls::{WARN_BEFORE, identity::Identity};
use crate::recovery::RecoveryTrial;
use crate::storage::{
    self,
    journals::{FolderStore, JournalStore},
};
use crate::system_limits::SystemLimits;
use crate::wall_clock::utc;

/// Checks the configuration, files and addresses that a start needs, and prints one line per check. Returns [`ExitCode::Done`] when all
/// checks succeed, and the highest exit code of a failed check otherwise.
///
/// Creates a missing data directory, because only an attempt shows that the directory can be created.
///
/// # Errors
/// When `out` cannot be written.
pub fn check(
    sources: &Sources,
    games: &[GameDefaults],
    trials: GameTrials<'_>,
    now: SystemTime,
    out: &mut dyn Write,
) -> io::Result<ExitCode> {
    let loaded = load(sources, games).and_then(|config| (trials.settings)(&config).map(|()| config));
    let config = match loaded {
        Ok(config) => config,
        Err(error) => {
            writeln!(out, "configuration  {error}")?;
            return Ok(ExitCode::of(&error, ExitCode::Configuration));
        }
    };
    let room = &config.room;
    writeln!(out, "configuration  ok")?;
    for near_miss in config.near_misses() {
        writeln!(out, "environment    warning: {near_miss}")?;
    }
    writeln!(
        out,
        "game           {}: {} rooms of {} seats, {} bots ({}), {} ticks and {} snapshots a second",
        config.game.name, room.rooms, room.seats, room.bots, room.bot_skill, room.tick_rate, room.send_rate
    )?;
    let results = [
        ("data", data(&config)),
        ("journals", journals(&config, trials)),
        ("results", results(&config)),
        ("certificate", certificate(&config, now)),
        ("players", players(&config)),
        ("operators", operators(&config)),
    ];
    let mut worst = ExitCode::Done;
    for (subject, result) in results {
        let (text, code) = match result {
            Ok(text) => (text, ExitCode::Done),
            Err(CheckFailure { text, code }) => (text, code),
        };
        writeln!(out, "{subject:<13}  {text}")?;
        // A wrong setting (78) outweighs a fault that passes (75), which outweighs a port in use (69).
        if code as u8 > worst as u8 {
            worst = code;
        }
    }
    Ok(worst)
}

/// The trials that need the game's own types.
#[derive(Clone, Copy)]
pub struct GameTrials<'a> {
    /// Checks the game's settings with [`Config::settings`].
    pub settings: &'a dyn Fn(&Config) -> Result<(), ConfigError>,
    /// Tries to restore rooms, at this tick rate.
    pub(crate) restore: &'a dyn Fn(&Config, &dyn JournalStore, TickRate) -> io::Result<RecoveryTrial>,
}

/// A reason for which the server would not start.
struct CheckFailure {
    text: String,
    code: ExitCode,
}

impl CheckFailure {
    fn configuration(error: &dyn ToString) -> Self {
        Self { text: error.to_string(), code: ExitCode::Configuration }
    }

    /// Creates the failure of an error that only a change can fix, unless its cause passes by itself.
    fn of(error: impl Error + 'static) -> Self {
        Self { text: error.to_string(), code: ExitCode::of(&error, ExitCode::Configuration) }
    }
}

/// Checks that the data directory exists or can be created, is writable, is not in use, and that the stored secrets can be read.
fn data(config: &Config) -> Result<String, CheckFailure> {
    let dir = DataDir::open(&config.data.dir).map_err(CheckFailure::of)?;
    if dir.is_in_use() {
        let error = DataDirError::InUse { path: dir.path().to_owned() };
        return Err(CheckFailure { text: error.to_string(), code: ExitCode::InUse });
    }
    EndpointKeys::check(&dir).map_err(CheckFailure::of)?;
    Ok(format!("{} is writable", dir.path().display()))
}

/// Tries to restore the rooms of the journals without an end. A journal that cannot restore its room is a warning, because the server starts
/// without the room.
fn journals(config: &Config, trials: GameTrials<'_>) -> Result<String, CheckFailure> {
    if config.journal.write == Switch::Off && config.journal.resume == Switch::On {
        return Ok(
            "not written, and existing ones are kept for a later start (journal.write is off)".to_owned()
        );
    }
    let path = config.data.dir.join("journals");
    if !path.exists() {
        return Ok("none yet".to_owned());
    }
    let unreadable = |error: io::Error| {
        let code = ExitCode::of(&error, ExitCode::Configuration);
        CheckFailure { text: format!("cannot read {}: {error}", path.display()), code }
    };
    let store = FolderStore::open(&path).map_err(unreadable)?;
    if config.journal.resume == Switch::Off {
        let all = store.list().map_err(unreadable)?;
        let open = all.iter().filter(|kept| !store.has_end(kept.name)).count();
        return Ok(format!("{open} of {} would be ended (journal.resume is off)", all.len()));
    }
    let rate = u16::try_from(config.room.tick_rate).ok().and_then(TickRate::new).unwrap_or_default();
    let RecoveryTrial { journals, rooms, failures } =
        (trials.restore)(config, &store, rate).map_err(unreadable)?;
    Ok(failures.iter().fold(format!("{rooms} of {journals} would restore their rooms"), with_warning))
}

/// Adds a warning to the text of a check, on a line of its own.
fn with_warning(text: String, warning: impl Display) -> String {
    format!("{text}\n{:<13}  warning: {warning}", "")
}

/// Checks that the database of match results, if there is one, can be used. A server starts in spite of some faults of the database.
fn results(config: &Config) -> Result<String, CheckFailure> {
    let reader = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let reader = reader.map_err(CheckFailure::of)?;
    match reader.block_on(storage::history::check(&config.data.dir)) {
        Ok(true) => Ok("the database of matches opens".to_owned()),
        Ok(false) => Ok("no match has ended yet".to_owned()),
        Err(error) if error.fault().allows_start() => {
            Ok(format!("warning: {error}; until then rooms play and results wait"))
        }
        Err(error) => Err(CheckFailure { text: error.to_string(), code: error.exit_code() }),
    }
}

/// Checks the configured certificate and key, as a start does. A development certificate is not checked, because a start creates a missing or
/// expired one.
fn certificate(config: &Config, now: SystemTime) -> Result<String, CheckFailure> {
    let (Some(cert), Some(key)) = (&config.net.cert, &config.net.key) else {
        return Ok("a development certificate, kept in the data directory and renewed automatically".into());
    };
    let identity = Identity::read(cert, key).map_err(CheckFailure::of)?;
    identity.check_validity(cert, now).map_err(|error| CheckFailure::configuration(&error))?;
    let (left, expires) = (identity.validity().remaining(now), utc(identity.validity().until()));
    let advice = if left < WARN_BEFORE { ": install a renewed one soon" } else { "" };
    let days = left.as_secs() / 86_400;
    Ok(format!("{} is valid for {days} more days, until {expires}{advice}", cert.display()))
}

/// Checks that the players' UDP address can be bound, and warns of low limits of the system.
fn players(config: &Config) -> Result<String, CheckFailure> {
    let (socket, address) = bind_players(config, endpoint::bind)
        .map_err(|error| bind_check_failure(&error.source, error.address, "net.listen", "--listen"))?;
    let lack = if address == config.net.listen { "" } else { ", because this machine has no IPv6" };
    let warnings = SystemLimits::raise_and_read(&socket).warnings(config);
    Ok(warnings.into_iter().fold(format!("QUIC on {address}{lack}"), with_warning))
}

/// Checks that the operators' TCP address can be bound, and that the token is usable.
fn operators(config: &Config) -> Result<String, CheckFailure> {
    let listen = config.http.listen;
    AccessPolicy::read(config.http.token_file.as_deref())
        .map_err(|error| CheckFailure::configuration(&error))?;
    let bound = TcpListener::bind(listen).map(drop);
    bound
        .map(|()| format!("HTTP on {listen}"))
        .map_err(|error| bind_check_failure(&error, listen, "http.listen", "--http"))
}

fn bind_check_failure(error: &io::Error, address: SocketAddr, key: &str, flag: &str) -> CheckFailure {
    let BindFailure { message, code } = bind_failure(error, address, key, flag);
    CheckFailure { text: message, code }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::path::Path;

    use quarrel_shared::{arena::Arena, journal::block::TRAILER};

    use super::*;
    use crate::{
        config::{FlagValue, Origin},
        recovery::Recovery,
    };

    fn trials(settings: &dyn Fn(&Config) -> Result<(), ConfigError>) -> GameTrials<'_> {
        GameTrials { settings, restore: &|_, store, rate| Recovery::<Arena>::trial(store, rate) }
    }

    /// Runs `check` with these keys set, on free ports and in a new data directory; returns the output and the exit code.
    fn checked(pairs: &[(&'static str, &str)]) -> (String, ExitCode) {
        let folder = tempfile::tempdir().unwrap();
        checked_in(&folder.path().join("data"), pairs)
    }

    /// Runs `check` as [`checked`] does, in the data directory `dir`.
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
        let code =
            check(&sources, &[GameDefaults::of::<Arena>()], trials(&|_| Ok(())), SystemTime::now(), &mut out)
                .unwrap();
        (String::from_utf8(out).unwrap(), code)
    }

    #[test]
    fn a_check_without_failures_describes_the_server() {
        let (text, code) = checked(&[]);
        assert_eq!(code, ExitCode::Done, "{text}");
        assert!(
            text.contains("arena: 64 rooms of 16 seats, 6 bots (skirmish), 30 ticks and 30 snapshots"),
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
    fn journals_and_the_database_of_an_earlier_run_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let (text, _) = checked_in(folder.path(), &[]);
        assert!(text.contains("none yet") && text.contains("no match has ended yet"), "{text}");
        let journals = folder.path().join("journals");
        std::fs::create_dir(&journals).unwrap();
        let ended = [&[0; 8][..], &TRAILER].concat();
        std::fs::write(journals.join("run-00001-room-000001.journal"), ended).unwrap();
        std::fs::write(journals.join("run-00001-room-000002.journal"), "no journal".repeat(1000)).unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        let warning =
            "run-00001-room-000002.journal would be moved to journals/set-aside: this is not a journal";
        assert!(text.contains("0 of 2 would restore their rooms") && text.contains(warning), "{text}");
        assert_eq!(code, ExitCode::Done);
        let (text, _) = checked_in(folder.path(), &[("journal.resume", "off")]);
        assert!(text.contains("1 of 2 would be ended (journal.resume is off)"), "{text}");
        std::fs::write(folder.path().join("matches.db"), "this file is not an SQLite database").unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        assert!(text.contains("cannot use the match results in") && text.contains("rooms play"), "{text}");
        assert_eq!(code, ExitCode::Done, "a server would start");
    }

    #[test]
    fn a_database_that_a_server_would_not_start_with_exits_with_78() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("matches.db")).unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        assert!(text.contains("cannot use the match results in"), "{text}");
        assert_eq!(code, ExitCode::Configuration, "{text}");
    }

    #[test]
    fn a_secret_that_cannot_be_read_exits_with_78() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("tls/token.key")).unwrap();
        let (text, code) = checked_in(folder.path(), &[]);
        assert!(text.contains("cannot read the secret"), "{text}");
        assert_eq!(code, ExitCode::Configuration, "{text}");
    }

    #[test]
    fn an_address_that_the_machine_does_not_have_yet_exits_with_75() {
        // Reserved for documentation (RFC 5737), so no machine has it.
        let (text, code) = checked(&[("net.listen", "192.0.2.1:0")]);
        assert!(text.contains("cannot listen on 192.0.2.1:0"), "{text}");
        assert_eq!(code, ExitCode::TryAgain, "{text}");
    }

    #[test]
    fn a_variable_with_nearly_the_name_of_a_key_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().display().to_string();
        let env = vec![("QUARREL_TICK_RATE".to_owned(), "60".into())];
        let flags = [("net.listen", "127.0.0.1:0"), ("http.listen", "127.0.0.1:0"), ("data.dir", &dir)];
        let flags = flags.map(|(key, value)| FlagValue { key, value: value.to_owned(), flag: "--test" });
        let (mut out, sources) = (Vec::new(), Sources { env, flags: flags.into(), ..Sources::default() });
        let code =
            check(&sources, &[GameDefaults::of::<Arena>()], trials(&|_| Ok(())), SystemTime::now(), &mut out)
                .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("did you mean QUARREL_ROOM__TICK_RATE?"), "{text}");
        assert_eq!(code, ExitCode::Done, "{text}");
    }

    #[test]
    fn a_value_out_of_range_exits_with_78() {
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
        let code = check(
            &Sources::default(),
            &[GameDefaults::of::<Arena>()],
            trials(&refuse),
            SystemTime::now(),
            &mut out,
        )
        .unwrap();
        assert_eq!(code, ExitCode::Configuration);
        assert!(String::from_utf8(out).unwrap().contains("game.settings.mode: no such mode"));
    }

    #[test]
    fn a_port_in_use_exits_with_69_and_is_named() {
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
    fn all_failures_are_reported_at_once_and_78_outweighs_69() {
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

    #[test]
    fn a_certificate_is_refused_as_a_start_refuses_it_and_its_end_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let day = std::time::Duration::from_secs(86_400);
        let install = |from: SystemTime, until: SystemTime| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::default();
            (params.not_before, params.not_after) = (from.into(), until.into());
            std::fs::write(file("c.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
            std::fs::write(file("k.pem"), key.serialize_pem()).unwrap();
            checked(&[("net.cert", &file("c.pem")), ("net.key", &file("k.pem"))])
        };
        let now = SystemTime::now();
        let (text, code) = install(now - day, now + 20 * day + day / 2);
        assert_eq!(code, ExitCode::Done, "{text}");
        assert!(
            text.contains("is valid for 20 more days, until 2") && !text.contains("renewed one"),
            "{text}"
        );
        let (text, code) = install(now - day, now + 9 * day + day / 2);
        assert_eq!(code, ExitCode::Done, "{text}");
        assert!(text.contains("9 more days") && text.contains("install a renewed one soon"), "{text}");
        for (from, until, reason) in [
            (now - 9 * day, now - day, "c.pem expired at"),
            (now + day, now + 9 * day, "c.pem is not valid before"),
        ] {
            let (text, code) = install(from, until);
            assert_eq!(code, ExitCode::Configuration, "{text}");
            assert!(text.contains(reason), "{text}");
        }
    }
}
