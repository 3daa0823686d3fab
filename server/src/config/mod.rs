//! The server's configuration: one file, the environment, the flags, and where each value came from.
//!
//! Layers lie over each other: defaults, then the file, then the environment, then flags.
//! Everything is handed in ([`Sources`]) and nothing is taken, so a test says what the environment is.
//! Nothing half right is accepted: an unknown key, a value out of range or two keys that contradict each other
//! are a [`ConfigError`] that says where the mistake was made.
//!
//! - [`keys`]: the table of every key, from which the rest is drawn.
//! - [`error`]: what can be wrong, and where.
//! - `key`: what one of them is.
//! - `file`: a TOML file as things said at a line and a column.
//! - `values`: what a key takes.
//! - `layers`: the merge.
//! - `rules`: what must hold between keys.
//! - `settings`: the game's own keys.
//! - [`show`]: the configuration as a commented file.

pub mod error;
mod file;
mod key;
pub mod keys;
mod layers;
mod rules;
mod settings;
pub mod show;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use error::{ConfigError, Named, Origin};
use layers::Merged;

/// What the server is told, every layer merged and every value checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The players' plane.
    pub net: NetConfig,
    /// The operator's plane.
    pub http: HttpConfig,
    /// What is kept on disk.
    pub data: DataConfig,
    /// How rooms are written down.
    pub journal: JournalConfig,
    /// Which game, and its own settings.
    pub game: GameConfig,
    /// What every room is like.
    pub room: RoomConfig,
    /// What becomes of players whose connection breaks.
    pub session: SessionConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// How the server ends.
    pub stop: StopConfig,
    #[serde(skip)]
    merged: Merged,
}

/// The players' plane: `[net]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetConfig {
    /// The UDP address that players connect to.
    pub listen: SocketAddr,
    /// The certificate chain (PEM), or nothing for a development certificate; set exactly when `key` is.
    pub cert: Option<PathBuf>,
    /// The private key (PEM) of `cert`.
    pub key: Option<PathBuf>,
    /// The most sessions at once.
    pub max_sessions: usize,
    /// Time for a handshake; see [`Self::handshake_timeout`].
    pub handshake_timeout_ms: u64,
    /// Silence that means a lost connection; see [`Self::idle_timeout`].
    pub idle_timeout_ms: u64,
    /// Time between keep-alives; see [`Self::keep_alive`].
    pub keep_alive_ms: u64,
    /// Handshakes a second from one /24 or /64.
    pub handshakes_per_address_s: u32,
    /// Handshakes at once from one /24 or /64.
    pub handshake_burst: u32,
    /// Half-open handshakes above which newcomers prove their address.
    pub retry_above_half_open: usize,
    /// Half-open handshakes at which newcomers are refused.
    pub max_half_open: usize,
    /// Threads of the network runtime.
    pub workers: usize,
}

impl NetConfig {
    /// How long a connection may take to say who it is.
    pub fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.handshake_timeout_ms)
    }

    /// How long a connection may be silent before it counts as lost.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// How often a silent connection is kept alive.
    pub fn keep_alive(&self) -> Duration {
        Duration::from_millis(self.keep_alive_ms)
    }
}

/// The operator's plane: `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The TCP address it listens on.
    pub listen: SocketAddr,
}

/// What is kept on disk: `[data]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The folder of everything the server keeps.
    pub dir: PathBuf,
}

/// How rooms are written down: `[journal]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalConfig {
    /// Whether they are.
    pub write: Switch,
    /// Whether rooms that ran when the server ended go on when it starts again.
    pub resume: Switch,
    /// How far apart whole states are; see [`Self::checkpoint`].
    pub checkpoint_ms: u32,
    /// How far apart checksums are; see [`Self::checksum`].
    pub checksum_ms: u32,
    /// For how long an ended room's journal is kept, in hours; see [`Self::keep`].
    pub keep_hours: u64,
    /// How large all of them may be, in megabytes; see [`Self::keep_bytes`].
    pub keep_mb: u64,
}

impl JournalConfig {
    /// How far apart whole states are.
    pub fn checkpoint(&self) -> Duration {
        Duration::from_millis(self.checkpoint_ms.into())
    }

    /// How far apart the ticks are that carry a checksum; zero: none does.
    pub fn checksum(&self) -> Duration {
        Duration::from_millis(self.checksum_ms.into())
    }

    /// For how long an ended room's journal is kept; `None`: for ever.
    pub fn keep(&self) -> Option<Duration> {
        (self.keep_hours > 0).then(|| Duration::from_secs(self.keep_hours * 3600))
    }

    /// How large all of them may be; `None`: without a bound.
    pub fn keep_bytes(&self) -> Option<u64> {
        (self.keep_mb > 0).then(|| self.keep_mb * 1_000_000)
    }
}

/// Which game is played: `[game]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GameConfig {
    /// The game's name, one of those in the binary.
    pub name: String,
    /// The game's own settings, its defaults included; [`Config::settings`] gives them their type.
    pub settings: toml::Table,
}

/// What every room is like: `[room]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomConfig {
    /// Steps a second.
    pub tick_rate: u32,
    /// Snapshots a second to one viewer, at most `tick_rate`.
    pub send_rate: u32,
    /// The most rooms at once.
    pub rooms: usize,
    /// Seats in each.
    pub seats: u16,
    /// Bots in each beside its people, as far as seats are empty; at most `seats`.
    pub bots: u16,
    /// One of the game's skills.
    pub bot_skill: String,
    /// How long a room without people is kept; see [`Self::linger`].
    pub linger_ms: u64,
    /// Threads that step rooms, shared by all of them.
    pub workers: usize,
    /// Whether each step is made twice and compared.
    pub sync_test: Switch,
}

impl RoomConfig {
    /// How long a room without people is kept.
    pub fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What becomes of players whose connection breaks: `[session]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionConfig {
    /// For how long their seats are held; see [`Self::hold`].
    pub hold_ms: u32,
    /// What becomes of their fighters meanwhile.
    pub held: HeldSeatPolicy,
}

impl SessionConfig {
    /// For how long the seat of somebody whose connection was lost is held; zero: not at all.
    pub fn hold(&self) -> Duration {
        Duration::from_millis(self.hold_ms.into())
    }
}

/// What becomes of the fighter on a held seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldSeatPolicy {
    /// It stands where it is.
    Idle,
    /// A bot of the room's skill plays it.
    Bot,
}

/// What is logged: `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Which lines, as `tracing_subscriber::EnvFilter` reads it.
    pub filter: String,
    /// How they look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text when standard error is a terminal, JSON otherwise.
    Auto,
    /// Text for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// How the server ends: `[stop]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopConfig {
    /// What becomes of rooms.
    pub rooms: RoomsAtStop,
    /// How long a stop may take; see [`Self::grace`].
    pub grace_ms: u64,
}

/// What becomes of rooms when the server is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomsAtStop {
    /// They are over.
    End,
    /// They go on when it starts again.
    Save,
}

impl StopConfig {
    /// How long a stop may take before the server exits with work unfinished.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

/// What a game says of itself to the configuration, so that the configuration need not know games.
#[derive(Clone, Debug)]
pub struct GameDefaults {
    /// The name that `game.name` and `--game` take.
    pub name: &'static str,
    /// Seats of a room when nobody sets them.
    pub seats: u16,
    /// Bots of a room when nobody sets them.
    pub bots: u16,
    /// The skill of those bots when nobody sets it; one of `skills`.
    pub bot_skill: &'static str,
    /// Every skill its bots have.
    pub skills: &'static [&'static str],
    /// Its default settings as a table: the keys in it are the keys that are accepted, with values of those types.
    ///
    /// A setting that serializes to nothing (`None`) is not in the table, so it cannot be set.
    pub settings: toml::Table,
}

/// Everything that speaks about the configuration, in the order in which it is overruled.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// The environment, ours and everybody's; only `QUARREL_` is looked at.
    pub env: Vec<(String, String)>,
    /// The flags that were given.
    pub flags: Vec<FlagValue>,
}

/// A flag that was given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// The full name of the key it sets, as in `room.tick_rate`.
    pub key: &'static str,
    /// The value as it was typed.
    pub value: String,
    /// The flag, as in `--tick-rate`.
    pub flag: &'static str,
}

/// Merges all layers over the defaults of the chosen game, which must be one of `games`; the first is the default.
pub fn load(sources: &Sources, games: &[GameDefaults]) -> Result<Config, ConfigError> {
    layers::merge(sources, games)?.into_config()
}

impl Config {
    /// The game's own settings in their own type.
    ///
    /// What the game's type does not take becomes an error at the place where the setting was made.
    pub fn settings<S: DeserializeOwned>(&self) -> Result<S, ConfigError> {
        settings::typed(&self.game.settings, &self.merged)
    }

    /// Where the value of a key came from, by its full name.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.merged.get(key).map(|setting| &setting.origin)
    }
}

#[cfg(test)]
mod tests;
