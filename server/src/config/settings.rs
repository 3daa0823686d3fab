//! The game's own keys, `[game.settings]`.
//!
//! The configuration knows their names and types from the game's defaults; what else must hold only the game's
//! own type can say, and it says so without a place. This file finds the place.

use serde::de::DeserializeOwned;

use super::error::{ConfigError, Origin};
use super::keys::SETTINGS_SECTION;
use super::layers::Merged;

/// The full name of a setting.
pub(super) fn path(name: &str) -> String {
    format!("{SETTINGS_SECTION}.{name}")
}

/// The settings in the game's type, or an error at the setting that it does not take.
pub(super) fn typed<S: DeserializeOwned>(settings: &toml::Table, merged: &Merged) -> Result<S, ConfigError> {
    S::deserialize(settings.clone()).map_err(|error| blame::<S>(merged, &error))
}

/// Tries each setting that somebody made alone over the game's defaults: the first that fails so is the culprit.
///
/// When each is right alone, their combination is what is wrong, and the error stands at the last of them.
fn blame<S: DeserializeOwned>(merged: &Merged, together: &toml::de::Error) -> ConfigError {
    let mut last = None;
    for (name, setting) in merged.game_settings() {
        if matches!(setting.origin, Origin::Game(_)) {
            continue;
        }
        let mut alone = merged.game_defaults().clone();
        alone.insert(name.to_owned(), setting.value.clone());
        if let Err(error) = S::deserialize(alone) {
            return failure(setting.origin.clone(), path(name), &error);
        }
        last = Some(setting.origin.clone());
    }
    failure(last.unwrap_or(Origin::Default), SETTINGS_SECTION.to_owned(), together)
}

fn failure(at: Origin, key: String, error: &toml::de::Error) -> ConfigError {
    ConfigError::Settings { at, key, message: error.message().replace('\n', ", ") }
}
