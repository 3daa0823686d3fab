//! Every configured value by the full name of its key, with its origin.

use std::collections::BTreeMap;

use toml::Value;

use super::error::Origin;
use super::key::SETTINGS_SECTION;

/// Every key that has a value, by its full name.
#[derive(Clone, Debug, Default)]
pub(super) struct MergedConfig {
    settings: BTreeMap<String, Setting>,
    game_defaults: toml::Table,
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl MergedConfig {
    /// Creates an empty configuration of the game with these default settings.
    pub(super) fn new(game_defaults: toml::Table) -> Self {
        Self { settings: BTreeMap::new(), game_defaults }
    }

    pub(super) fn get(&self, path: &str) -> Option<&Setting> {
        self.settings.get(path)
    }

    pub(super) fn set(&mut self, path: String, value: Value, origin: Origin) {
        self.settings.insert(path, Setting { value, origin });
    }

    /// Every value, by the full name of its key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.settings.iter().map(|(path, setting)| (path.as_str(), setting))
    }

    /// The game's own settings, by their name without the section.
    pub(super) fn game_settings(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.settings.iter().filter_map(|(path, setting)| {
            let name = path.strip_prefix(SETTINGS_SECTION)?.strip_prefix('.')?;
            Some((name, setting))
        })
    }

    /// The game's default settings.
    pub(super) fn game_defaults(&self) -> &toml::Table {
        &self.game_defaults
    }
}
