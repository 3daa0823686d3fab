//! The merge of the configuration's layers: defaults, file, environment, flags. Later layers override earlier ones.
//!
//! A value is checked even where a later layer overrides it, so that a mistake in a file is reported at once and not when the
//! overriding flag is removed.

use std::ffi::OsString;

use toml::Value;

use super::error::{ConfigError, NameKind, NearMiss, Origin};
use super::file;
use super::key::{
    self, Choices, ConfigKey, DefaultValue, ENVIRONMENT_PREFIX, SETTINGS_SECTION, ValueKind, variable,
};
use super::keys::{self, Config, KEYS};
use super::merged::MergedConfig;
use super::rules;
use super::settings;
use super::sources::{GameDefaults, Sources};
use super::values::{self, AvailableGames, RawAssignment, RawValue};

/// Merges all layers over the defaults of the game that they select, and checks every key and value.
pub(super) fn merge(sources: &Sources, games: &[GameDefaults]) -> Result<MergedConfig, ConfigError> {
    let mut assignments = match &sources.file {
        Some(path) => file::read(path)?,
        None => Vec::new(),
    };
    assignments.extend(environment(sources)?);
    assignments.extend(flags(sources));

    let games = AvailableGames { all: games, selected: select_game(&assignments, games)? };
    let mut merged = defaults(games.selected);
    merged.near_misses = near_misses(sources, games);
    for assignment in assignments {
        apply(&mut merged, assignment, games)?;
    }
    apply_dependent_defaults(&mut merged, games.selected);
    rules::check(&merged)?;
    Ok(merged)
}

/// Converts the merged values to the typed configuration, which keeps the merged values because they have the origins.
pub(super) fn to_config(merged: MergedConfig) -> Result<Config, ConfigError> {
    let mut config: Config =
        Value::Table(to_table(&merged)).try_into().map_err(|error: toml::de::Error| {
            // The accepted values of a key do not fit its type. That is a fault in the table of keys, for which a test looks.
            ConfigError::Syntax { at: Origin::Default, message: error.to_string() }
        })?;
    config.merged = merged;
    Ok(config)
}

/// Returns the assignments of the variables that name keys. Other programs set variables with the same prefix (for a service `quarrel`,
/// Kubernetes sets `QUARREL_SERVICE_HOST`, and Docker `QUARREL_PORT`), so only names with two underscores after the prefix are keys.
fn environment(sources: &Sources) -> Result<Vec<RawAssignment>, ConfigError> {
    let keys = sources.env.iter().filter_map(|(variable, value)| {
        let name = variable.strip_prefix(ENVIRONMENT_PREFIX)?;
        name.contains("__").then(|| (name.to_lowercase().replace("__", "."), variable, value))
    });
    let assignment = |(key, variable, value): (String, &String, &OsString)| {
        let at = Origin::Environment(variable.clone());
        match value.to_str() {
            Some(text) => Ok(RawAssignment::of_text(&key, text, at)),
            None => Err(ConfigError::NotUnicode { at, key }),
        }
    };
    keys.map(assignment).collect()
}

/// Returns the ignored variables whose names, without their underscores, are the name of a key with or without its section.
fn near_misses(sources: &Sources, games: AvailableGames<'_>) -> Vec<NearMiss> {
    let letters = |name: &str| name.replace(['_', '.'], "").to_lowercase();
    let misses = sources.env.iter().filter_map(|(name, _)| {
        let ignored = name.strip_prefix(ENVIRONMENT_PREFIX).filter(|name| !name.contains("__"))?;
        let ignored = letters(ignored);
        let is_meant = |(section, key): &(&str, &str)| {
            ignored == letters(key) || ignored == letters(section) + &letters(key)
        };
        let meant: Vec<_> =
            known_keys(games).filter(is_meant).map(|(section, key)| variable(section, key)).collect();
        (!meant.is_empty()).then(|| NearMiss { variable: name.clone(), meant })
    });
    misses.collect()
}

fn flags(sources: &Sources) -> impl Iterator<Item = RawAssignment> {
    sources.flags.iter().map(|flag| RawAssignment::of_text(flag.key, &flag.value, Origin::Flag(flag.flag)))
}

/// Returns the game that the last layer with `game.name` selects, or the first game. This runs before the merge, because the accepted
/// keys and values depend on the game.
///
/// # Panics
/// Without a game.
fn select_game<'a>(
    assignments: &[RawAssignment],
    games: &'a [GameDefaults],
) -> Result<&'a GameDefaults, ConfigError> {
    let Some(first) = games.first() else { panic!("a server needs at least one game") };
    let last =
        assignments.iter().rfind(|assignment| assignment.section == "game" && assignment.name == "name");
    let Some(last) = last else { return Ok(first) };
    let kind = ValueKind::Choice(Choices::Games);
    let name = last.raw.to_value(kind);
    games.iter().find(|game| name.as_str() == Some(game.name)).ok_or_else(|| {
        let accepted = AvailableGames { all: games, selected: first }.describe(kind);
        ConfigError::value(last.origin.clone(), "game.name", &name, accepted)
    })
}

/// Creates the lowest layer: every default that does not depend on other keys, and the game's default settings.
fn defaults(game: &GameDefaults) -> MergedConfig {
    let mut merged = MergedConfig::new(game.settings.clone());
    for key in KEYS {
        if let Some((value, origin)) = independent_default(key, game) {
            merged.set(key.path(), value, origin);
        }
    }
    for (name, value) in &game.settings {
        merged.set(settings::path(name), value.clone(), Origin::Game(game.name));
    }
    merged
}

/// Returns the default of a key; `None` when the key has no default value, or one that depends on other keys.
fn independent_default(key: &ConfigKey, game: &GameDefaults) -> Option<(Value, Origin)> {
    match key.default {
        DefaultValue::Text(text) => Some((text.into(), Origin::Default)),
        DefaultValue::Integer(number) => Some((number.into(), Origin::Default)),
        DefaultValue::Cores => Some((key::default_threads().into(), Origin::Default)),
        DefaultValue::FirstGame => Some((game.name.into(), Origin::Default)),
        DefaultValue::GameSeats => Some((i64::from(game.seats).into(), Origin::Game(game.name))),
        DefaultValue::GameSkill => Some((game.bot_skill.into(), Origin::Game(game.name))),
        DefaultValue::Unset(_) | DefaultValue::SameAs(_) | DefaultValue::GameBots => None,
    }
}

/// Sets the keys that no layer sets and whose defaults depend on other keys.
fn apply_dependent_defaults(merged: &mut MergedConfig, game: &GameDefaults) {
    for key in KEYS {
        if merged.get(&key.path()).is_some() {
            continue;
        }
        match key.default {
            DefaultValue::SameAs(other) => {
                if let Some(value) = merged.get(other).map(|setting| setting.value.clone()) {
                    merged.set(key.path(), value, Origin::SameAs(other));
                }
            }
            DefaultValue::GameBots => {
                // Limited to the seats, so that a game with six bots by default accepts a room of four seats.
                let seats = merged.get("room.seats").and_then(|seats| seats.value.as_integer());
                let bots = i64::from(game.bots).min(seats.unwrap_or(i64::MAX));
                merged.set(key.path(), bots.into(), Origin::Game(game.name));
            }
            _ => {}
        }
    }
}

/// Checks an assignment and sets its key, which replaces the value of an earlier layer.
fn apply(
    merged: &mut MergedConfig,
    assignment: RawAssignment,
    games: AvailableGames<'_>,
) -> Result<(), ConfigError> {
    if assignment.section == SETTINGS_SECTION
        && let Some(default) = games.selected.settings.get(&assignment.name)
    {
        return apply_game_setting(merged, assignment, default);
    }
    match keys::find(&assignment.section, &assignment.name) {
        Some(key) => apply_key(merged, assignment, key, games),
        None => Err(unknown(assignment, games)),
    }
}

fn apply_key(
    merged: &mut MergedConfig,
    assignment: RawAssignment,
    key: &ConfigKey,
    games: AvailableGames<'_>,
) -> Result<(), ConfigError> {
    let value = assignment.raw.to_value(key.kind);
    if !games.accepts(key.kind, &value) {
        return Err(ConfigError::value(assignment.origin, &key.path(), &value, games.describe(key.kind)));
    }
    merged.set(key.path(), value, assignment.origin);
    Ok(())
}

fn apply_game_setting(
    merged: &mut MergedConfig,
    assignment: RawAssignment,
    default: &Value,
) -> Result<(), ConfigError> {
    let path = settings::path(&assignment.name);
    let value = match assignment.raw {
        RawValue::Typed(value) => value,
        RawValue::Text(text) => values::parse_like(default, &text),
    };
    if !values::has_type_of(default, &value) {
        return Err(ConfigError::value(assignment.origin, &path, &value, values::describe_type_of(default)));
    }
    merged.set(path, value, assignment.origin);
    Ok(())
}

/// Creates the error of an unknown key, with the accepted names of the same section. A variable of an unknown section gets the
/// variables of all sections.
fn unknown(assignment: RawAssignment, games: AvailableGames<'_>) -> ConfigError {
    let in_section: Vec<(&str, String)> = known_keys(games)
        .filter(|(section, _)| *section == assignment.section)
        .map(|(section, name)| (section, name.to_owned()))
        .collect();
    if let Origin::Environment(name) = &assignment.origin {
        let accepted = match in_section.as_slice() {
            [] => known_keys(games).map(|(section, name)| variable(section, name)).collect(),
            some => some.iter().map(|(section, name)| variable(section, name)).collect(),
        };
        let name = name.clone();
        return ConfigError::unknown(assignment.origin, NameKind::Variable, &name, accepted);
    }
    let accepted = in_section.into_iter().map(|(_, name)| name).collect();
    ConfigError::unknown(assignment.origin, NameKind::Key, &assignment.name, accepted)
}

/// Returns section and name of every key, including those of the selected game.
fn known_keys(games: AvailableGames<'_>) -> impl Iterator<Item = (&str, &str)> {
    let table = KEYS.iter().map(|key| (key.section, key.name));
    table.chain(games.selected.settings.keys().map(|name| (SETTINGS_SECTION, name.as_str())))
}

/// Arranges the values as a table per section, with a table for sections without values, too.
fn to_table(merged: &MergedConfig) -> toml::Table {
    let mut root = toml::Table::new();
    for section in keys::sections().into_iter().chain([SETTINGS_SECTION]) {
        *table_at(&mut root, section) = toml::Table::new();
    }
    for (path, setting) in merged.iter() {
        if let Some((section, name)) = path.rsplit_once('.') {
            table_at(&mut root, section).insert(name.to_owned(), setting.value.clone());
        }
    }
    root
}

/// Returns the table of a section, such as `game.settings`, and creates it when it is missing.
fn table_at<'a>(root: &'a mut toml::Table, section: &str) -> &'a mut toml::Table {
    section.split('.').fold(root, |table, name| {
        let inner = table.entry(name).or_insert_with(|| Value::Table(toml::Table::new()));
        match inner {
            Value::Table(inner) => inner,
            _ => unreachable!("a section is never a value: the table of keys has no such name"),
        }
    })
}
