//! The table of every configuration key.
//!
//! Each key is written once, in `config_table!` below: name, description, type, accepted values, default and flag. The table becomes
//! the typed [`Config`] and the list [`KEYS`]; the default file, the names of environment variables, the checks of values and the
//! errors about unknown keys all use that list.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::choices::{HeldSeatPolicy, LogFormat, RoomsAtStop, Switch};
pub use super::key::{
    Choices, ConfigKey, DefaultValue, ENVIRONMENT_PREFIX, MAX_THREADS, SETTINGS_SECTION, ValueKind, variable,
};
use super::merged::MergedConfig;

const HOUR_MS: i64 = 3_600_000;

const fn integer(min: i64, max: i64) -> ValueKind {
    ValueKind::Integer { min, max }
}

/// Defines [`Config`], a struct for each section, and [`KEYS`]. Each key is a row:
///
/// ```text
/// /// Description, for the default file and for rustdoc.
/// name: type = accepted values, default, flag or None;
/// ```
///
/// A `typed_by_game` block adds a field to the section's struct without adding a key to [`KEYS`]: the game defines the keys in it.
macro_rules! config_table {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $type:ty = $kind:expr, $default:expr, $flag:expr;
            )*
            $( typed_by_game { $(#[doc = $settings_doc:literal])+ $settings:ident: $Settings:ty } )?
        }
    )+) => {
        /// The server's configuration: all sources merged and all values checked, except the game's settings, which
        /// [`Self::settings`] checks.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $( $(#[doc = $section_doc])+ pub $section: $Section, )+
            #[serde(skip)]
            pub(super) merged: MergedConfig,
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $Section {
                $( $(#[doc = $doc])+ pub $name: $type, )*
                $( $(#[doc = $settings_doc])+ pub $settings: $Settings, )?
            }
        )+

        /// Every key, in the order of the default file.
        pub const KEYS: &[ConfigKey] = &[$($(
            ConfigKey {
                section: stringify!($section),
                name: stringify!($name),
                doc: concat!($($doc),+).trim_ascii_start(),
                kind: $kind,
                default: $default,
                flag: $flag,
            },
        )*)+];
    };
}

config_table! {
    /// Connections of players: `[net]`.
    net: NetConfig {
        /// The UDP address for players. `[::]` accepts both IPv4 and IPv6.
        listen: SocketAddr = ValueKind::Address, DefaultValue::Text("[::]:7777"), Some("--listen");

        /// A PEM file with the certificate chain, the server's certificate first. Set it together with `key`.
        cert: Option<PathBuf> =
            ValueKind::Path,
            DefaultValue::Unset("the server creates a 13-day development certificate in the data directory"),
            Some("--cert");

        /// A PEM file with the private key of `cert`.
        key: Option<PathBuf> =
            ValueKind::Path, DefaultValue::Unset("created together with the development certificate"), Some("--key");

        /// The maximum number of connected players. Further players are refused because the server is full.
        max_sessions: usize = integer(1, 100_000), DefaultValue::Integer(4096), None;

        /// The time for a new connection to complete its handshake and identify itself, in milliseconds.
        handshake_timeout_ms: u64 = integer(100, 60_000), DefaultValue::Integer(5000), None;

        /// The silence after which a connection counts as lost, in milliseconds.
        idle_timeout_ms: u64 = integer(1000, 600_000), DefaultValue::Integer(10_000), None;

        /// The interval of keep-alive packets on a silent connection, in milliseconds. Must be less than `idle_timeout_ms`.
        keep_alive_ms: u64 = integer(100, 60_000), DefaultValue::Integer(3000), None;

        /// New connections per second from one network (IPv4 /24, IPv6 /64). First packets above the rate are ignored and the client
        /// connects later, because it resends an ignored first packet after 0.3, 0.9, 2.1 and 4.5 s.
        handshakes_per_address_s: u32 = integer(1, 1_000_000), DefaultValue::Integer(100), None;

        /// New connections from one network that are accepted at once, before `handshakes_per_address_s` applies. With the defaults,
        /// 512 bots at one address that connect within 5 s are not delayed; if they connect within 2 s, the last ones wait up to 6 s.
        handshake_burst: u32 = integer(1, 1_000_000), DefaultValue::Integer(128), None;

        /// The number of unfinished handshakes above which new clients must prove their address first (QUIC Retry).
        retry_above_half_open: usize = integer(0, 1_000_000), DefaultValue::Integer(256), None;

        /// The number of unfinished handshakes at which new clients are refused.
        max_half_open: usize = integer(1, 1_000_000), DefaultValue::Integer(2048), None;

        /// Threads for network traffic.
        workers: usize = integer(1, MAX_THREADS), DefaultValue::Integer(1), None;
    }

    /// The admin HTTP server: `[http]`.
    http: HttpConfig {
        /// The TCP address of the admin HTTP server: health checks, metrics and listings. Any address but loopback needs `token_file`.
        listen: SocketAddr = ValueKind::Address, DefaultValue::Text("127.0.0.1:7780"), Some("--http");

        /// A file with a secret of at least 16 characters. With it, every request except health checks needs the header
        /// `Authorization: Bearer` with this secret.
        token_file: Option<PathBuf> =
            ValueKind::Path, DefaultValue::Unset("requests need no token, and `listen` must be loopback"), None;
    }

    /// Files on disk: `[data]`.
    data: DataConfig {
        /// The data directory, which holds all files of the server. Created on the first start.
        dir: PathBuf = ValueKind::Path, DefaultValue::Text("./quarrel-data"), Some("--data-dir");
    }

    /// Journals of rooms: `[journal]`.
    journal: JournalConfig {
        /// Whether rooms write journals into the data directory, for replays and to restore rooms after a crash.
        write: Switch = ValueKind::words(Switch::WORDS), DefaultValue::Text("on"), None;

        /// Whether a start restores the rooms that were running when the server ended. With `off`, or with --no-resume, their journals are
        /// ended instead.
        resume: Switch = ValueKind::words(Switch::WORDS), DefaultValue::Text("on"), None;

        /// The interval of checkpoints in a journal, in milliseconds. A crashed room is restored from its
        /// last checkpoint and the journal's entries after it.
        checkpoint_ms: u32 = integer(1000, HOUR_MS), DefaultValue::Integer(10_000), None;

        /// The interval of checksums of the room's state in a journal, in milliseconds. A replay locates a difference to this precision. 1
        /// adds a checksum to every tick; 0 adds checksums to checkpoints only.
        checksum_ms: u32 = integer(0, 60_000), DefaultValue::Integer(1000), None;

        /// The age in hours after which the journals of ended rooms, and those set aside, are deleted. 0 means no limit of age.
        keep_hours: u64 = integer(0, 100_000), DefaultValue::Integer(168), None;

        /// The maximum size of all journals together, in megabytes. Above it, the oldest are deleted first, but never a journal whose room
        /// runs or may be restored. 0 means no limit of size.
        keep_mb: u64 = integer(0, 100_000_000), DefaultValue::Integer(10_000), None;
    }

    /// The game and its settings: `[game]`.
    game: GameConfig {
        /// The game to run.
        name: String = ValueKind::Choice(Choices::Games), DefaultValue::FirstGame, Some("--game");

        typed_by_game {
            /// The game's own settings, its defaults included; [`Config::settings`] converts them to the game's type.
            settings: toml::Table
        }
    }

    /// Properties of every room: `[room]`.
    room: RoomConfig {
        /// Game steps per second.
        tick_rate: u32 = integer(1, 128), DefaultValue::Integer(30), Some("--tick-rate");

        /// Snapshots per second to each player. At most `tick_rate`.
        send_rate: u32 = integer(1, 128), DefaultValue::SameAs("room.tick_rate"), Some("--send-rate");

        /// The maximum number of rooms.
        rooms: usize = integer(1, 10_000), DefaultValue::Integer(64), Some("--rooms");

        /// Seats in each room. The maximum is that of the largest room that the game supports.
        seats: u16 = ValueKind::Seats, DefaultValue::GameSeats, Some("--seats");

        /// Bots in each room, at most `seats`. Bots take empty seats only, and leave when players need the seats.
        bots: u16 = integer(0, 10_000), DefaultValue::GameBots, Some("--bots");

        /// The skill of the bots.
        bot_skill: String = ValueKind::Choice(Choices::Skills), DefaultValue::GameSkill, None;

        /// The time that a room without players is kept, in milliseconds.
        linger_ms: u64 = integer(0, 24 * HOUR_MS), DefaultValue::Integer(30_000), None;

        /// Whether players may send chat lines to their room. With `off`, lines are dropped and counted.
        chat: Switch = ValueKind::words(Switch::WORDS), DefaultValue::Text("on"), None;

        /// Threads that step rooms. A room uses at most one at a time.
        workers: usize = integer(1, MAX_THREADS), DefaultValue::Cores, None;

        /// Whether each step runs twice from the same saved state to verify that the game is deterministic. A room whose steps differ is
        /// closed, and the log names the difference. A step takes several times as long. The default is `on` in development builds and
        /// `off` in release builds.
        sync_test: Switch =
            ValueKind::words(Switch::WORDS),
            DefaultValue::Text(if cfg!(debug_assertions) { "on" } else { "off" }),
            Some("--sync-test");
    }

    /// Players whose connection was lost: `[session]`.
    session: SessionConfig {
        /// The time that a seat is held for a player whose connection was lost, in milliseconds. 0 frees the seat at once. With any other
        /// value, restored seats are held for at least 10 s after a restart of the server.
        hold_ms: u32 = integer(0, 600_000), DefaultValue::Integer(30_000), None;

        /// The control of a held seat until its player returns: with `idle`, the seat has no input; with `bot`, a bot of the room's skill
        /// plays on it.
        held: HeldSeatPolicy = ValueKind::words(HeldSeatPolicy::WORDS), DefaultValue::Text("idle"), None;
    }

    /// Log lines: `[log]`.
    log: LogConfig {
        /// The log lines to write: a level, or levels per module as in `info,quarrel_server::room=debug`.
        filter: String = ValueKind::Filter, DefaultValue::Text("info"), Some("--log");

        /// The format of log lines. `auto` is text on a terminal and JSON otherwise.
        format: LogFormat = ValueKind::words(LogFormat::WORDS), DefaultValue::Text("auto"), None;
    }

    /// The stop of the server: `[stop]`.
    stop: StopConfig {
        /// The treatment of rooms when the server stops: with `end` they end; with `save` the next start restores them, and players
        /// reconnect by themselves.
        rooms: RoomsAtStop = ValueKind::words(RoomsAtStop::WORDS), DefaultValue::Text("end"), Some("--on-stop");

        /// The time for a graceful stop, in milliseconds. After it, the server exits with unfinished work.
        grace_ms: u64 = integer(0, HOUR_MS), DefaultValue::Integer(5000), None;
    }
}

/// The keys whose values a running server changes on a reload (SIGHUP). The files of `net.cert` and `net.key` are read again, too.
pub const RELOADABLE_KEYS: &[&str] = &[
    "net.max_sessions",
    "net.handshake_timeout_ms",
    "net.handshakes_per_address_s",
    "net.handshake_burst",
    "net.retry_above_half_open",
    "room.bots",
    "session.hold_ms",
    "log.filter",
    "stop.rooms",
    "stop.grace_ms",
];

/// Returns the key with this section and name.
pub fn find(section: &str, name: &str) -> Option<&'static ConfigKey> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// Returns the default of the integer key with this full name; `None` for other keys, and for a default that is not a fixed integer.
pub fn default_integer(path: &str) -> Option<i64> {
    KEYS.iter().find(|key| key.path() == path).and_then(|key| match key.default {
        DefaultValue::Integer(number) => Some(number),
        _ => None,
    })
}

/// Returns every section, in the order of the default file.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().map(|key| key.section).collect();
    sections.dedup();
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_section_are_adjacent() {
        let sections = sections();
        let mut once = sections.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), sections.len(), "a section that appears twice would be printed twice");
    }

    #[test]
    fn no_two_keys_share_a_name_a_variable_or_a_flag() {
        let mut names: Vec<_> = KEYS.iter().flat_map(|key| [key.path(), key.variable()]).collect();
        names.extend(KEYS.iter().filter_map(|key| key.flag.map(str::to_owned)));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "every name must mean one key");
    }

    #[test]
    fn every_description_ends_with_a_full_stop_and_begins_without_a_blank() {
        for key in KEYS {
            assert!(key.doc.ends_with('.'), "the description of {} must end as a sentence", key.path());
            assert!(
                !key.doc.starts_with(' '),
                "the description of {} must not begin with a blank",
                key.path()
            );
        }
    }

    #[test]
    fn every_reloadable_key_is_a_key() {
        for path in RELOADABLE_KEYS {
            assert!(KEYS.iter().any(|key| key.path() == *path), "{path} must be in the table");
        }
    }

    #[test]
    fn a_variable_has_two_underscores_for_each_dot() {
        assert_eq!(variable("game.settings", "mode"), "QUARREL_GAME__SETTINGS__MODE");
        assert_eq!(variable("room", "tick_rate"), "QUARREL_ROOM__TICK_RATE");
    }
}
