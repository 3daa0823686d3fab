//! The server's configuration, merged from one file, the environment and the command line.
//!
//! The layers are, in order of increasing precedence: defaults, the file, the environment, flags. Every value keeps its origin.
//! All inputs are arguments ([`Sources`]), so that a test controls the environment.
//! An unknown key, a value that the key does not accept, and two keys that contradict each other are each a [`ConfigError`], which
//! names the place of the mistake.
//!
//! - [`keys`]: the table of every key, and the typed [`Config`] that it defines.
//! - [`error`]: errors, and the origins of values.
//! - `sources`: the inputs.
//! - `key`: the description of one key.
//! - `choices`: values that are one of a few words.
//! - `units`: configured times and sizes as durations and bytes.
//! - `file`: a TOML file as a list of assignments with their lines and columns.
//! - `values`: parsing and checking of one value.
//! - `merged`: every value with its origin.
//! - `layers`: the merge.
//! - `rules`: constraints between keys.
//! - `settings`: the game's own keys.
//! - [`show`]: the configuration as a commented file.

mod choices;
pub mod error;
mod file;
mod key;
pub mod keys;
mod layers;
mod merged;
mod rules;
mod settings;
pub mod show;
mod sources;
mod units;
mod values;

use serde::de::DeserializeOwned;

pub use choices::{HeldSeatPolicy, LogFormat, RoomsAtStop, Switch};
pub use error::{ConfigError, NameKind, NearMiss, Origin};
pub use keys::{
    Config, DataConfig, GameConfig, HttpConfig, JournalConfig, LogConfig, NetConfig, RELOADABLE_KEYS,
    RoomConfig, SessionConfig, StopConfig,
};
pub use sources::{FlagValue, GameDefaults, Sources};

/// Merges all sources over the defaults of the selected game, which must be one of `games`; the first is the default. Checks the names
/// and types of the game's settings, and leaves their values to [`Config::settings`].
///
/// # Errors
/// When a source cannot be read, sets an unknown key, sets a value that its key does not accept, or sets keys that contradict each other.
///
/// # Panics
/// When `games` is empty.
pub fn load(sources: &Sources, games: &[GameDefaults]) -> Result<Config, ConfigError> {
    layers::to_config(layers::merge(sources, games)?)
}

impl Config {
    /// Converts the game's settings to the game's own type.
    ///
    /// # Errors
    /// When that type refuses a setting; the error names the place where the setting was set.
    pub fn settings<S: DeserializeOwned>(&self) -> Result<S, ConfigError> {
        settings::typed(&self.game.settings, &self.merged)
    }

    /// Returns the full names of the keys whose values differ from those of `other`, in alphabetical order.
    pub fn changed_keys(&self, other: &Self) -> Vec<String> {
        self.merged.changed_keys(&other.merged)
    }

    /// Returns the ignored environment variables with nearly the names of keys, for warnings.
    pub fn near_misses(&self) -> &[NearMiss] {
        &self.merged.near_misses
    }

    /// Returns the origin of a key's value, by the key's full name; `None` when the key has no value.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.merged.get(key).map(|setting| &setting.origin)
    }
}

#[cfg(test)]
mod tests;
