//! The merged configuration before it gets types: each value and its origin, by the full name of its key.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::error::{NearMiss, Origin};
use super::key::SETTINGS_SECTION;

/// The values of all keys that have one, by full name, as in `room.tick_rate`.
#[derive(Clone, Debug, Default)]
pub(super) struct MergedConfig {
    values: BTreeMap<String, MergedValue>,
    /// The default settings of the selected game.
    game_defaults: toml::Table,
    /// The ignored variables with nearly the names of keys.
    pub(super) near_misses: Vec<NearMiss>,
}

/// The value of a key after the merge, and its origin.
#[derive(Clone, Debug)]
pub(super) struct MergedValue {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl MergedConfig {
    /// Creates an empty configuration of the game with these default settings.
    pub(super) fn new(game_defaults: toml::Table) -> Self {
        Self { values: BTreeMap::new(), game_defaults, near_misses: Vec::new() }
    }

    pub(super) fn get(&self, path: &str) -> Option<&MergedValue> {
        self.values.get(path)
    }

    pub(super) fn set(&mut self, path: String, value: Value, origin: Origin) {
        self.values.insert(path, MergedValue { value, origin });
    }

    /// Returns every value with the full name of its key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &MergedValue)> {
        self.values.iter().map(|(path, value)| (path.as_str(), value))
    }

    /// Returns the full names of the keys whose values differ from those of `other`, in alphabetical order.
    pub(super) fn changed_keys(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.values.keys().chain(other.values.keys()).collect();
        let value = |merged: &Self, key: &str| merged.get(key).map(|setting| setting.value.clone());
        keys.into_iter().filter(|key| value(self, key) != value(other, key)).cloned().collect()
    }

    /// Returns the game's own settings with their names without the section.
    pub(super) fn game_settings(&self) -> impl Iterator<Item = (&str, &MergedValue)> {
        self.values.iter().filter_map(|(path, setting)| {
            let name = path.strip_prefix(SETTINGS_SECTION)?.strip_prefix('.')?;
            Some((name, setting))
        })
    }

    /// Returns the default settings of the selected game.
    pub(super) fn game_defaults(&self) -> &toml::Table {
        &self.game_defaults
    }
}
