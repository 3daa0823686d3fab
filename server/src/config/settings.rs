//! The game's own keys, `[game.settings]`.
//!
//! The configuration takes the names and types of these keys from the game's default settings. The game's own settings type has all
//! other constraints. Its errors do not name the place where a setting was set, so this file finds the place.

use serde::de::DeserializeOwned;

use super::error::{ConfigError, Origin};
use super::key::SETTINGS_SECTION;
use super::merged::MergedConfig;

/// Returns the full name of a game setting, as in `game.settings.mode`.
pub(super) fn path(name: &str) -> String {
    format!("{SETTINGS_SECTION}.{name}")
}

/// Converts the settings to the game's settings type; an error names the place of the refused setting.
pub(super) fn typed<S: DeserializeOwned>(
    settings: &toml::Table,
    merged: &MergedConfig,
) -> Result<S, ConfigError> {
    S::deserialize(settings.clone()).map_err(|error| locate_error::<S>(merged, &error))
}

/// Finds the refused setting: tries each configured setting alone over the game's defaults, and returns the first that fails.
///
/// When each setting is accepted alone, the game refuses their combination, and the error is placed at the last setting by name.
fn locate_error<S: DeserializeOwned>(merged: &MergedConfig, combined: &toml::de::Error) -> ConfigError {
    let mut last = None;
    for (name, setting) in merged.game_settings() {
        if matches!(setting.origin, Origin::Game(_)) {
            continue;
        }
        let mut alone = merged.game_defaults().clone();
        alone.insert(name.to_owned(), setting.value.clone());
        if let Err(error) = S::deserialize(alone) {
            return settings_error(setting.origin.clone(), path(name), &error);
        }
        last = Some(setting.origin.clone());
    }
    settings_error(last.unwrap_or(Origin::Default), SETTINGS_SECTION.to_owned(), combined)
}

fn settings_error(at: Origin, key: String, error: &toml::de::Error) -> ConfigError {
    ConfigError::Settings { at, key, message: error.message().replace('\n', ", ") }
}
