//! The configuration as a commented TOML file.
//!
//! `config default` prints a file to start from: every key with its description and default. A default that depends on the game or on
//! another key is printed as a comment, because an explicit value would no longer follow the game or the other key.
//! `config show` prints the values in use, each with its origin.

use std::io::{self, Write};

use super::key::{self, MIN_THREADS};
use super::keys::{self, Config, ConfigKey, DefaultValue, KEYS, RELOADABLE_KEYS, SETTINGS_SECTION};
use super::sources::GameDefaults;
use super::values::AvailableGames;

/// Prints a file that documents every key and sets its default. The first of `games` is the default game; without a game, nothing is
/// printed.
pub fn write_default(games: &[GameDefaults], out: &mut dyn Write) -> io::Result<()> {
    let Some(game) = games.first() else { return Ok(()) };
    writeln!(out, "# The configuration of a Quarrel server. Pass it with --config.")?;
    let variable = keys::variable("net", "listen");
    writeln!(out, "# Each key is also an environment variable: {variable} sets listen in [net].")?;
    writeln!(out, "# Flags override the environment, which overrides this file.")?;
    for section in keys::sections() {
        writeln!(out, "\n\n[{section}]")?;
        for key in KEYS.iter().filter(|key| key.section == section) {
            writeln!(out)?;
            write_documented(key, AvailableGames { all: games, selected: game }, out)?;
        }
    }
    writeln!(out, "\n\n[{SETTINGS_SECTION}]")?;
    for game in games {
        write_settings(game, out)?;
    }
    Ok(())
}

/// Prints the configuration in use as a TOML file, each value with its origin in a comment.
pub fn write_effective(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    for (i, section) in keys::sections().into_iter().enumerate() {
        let gap = if i == 0 { "" } else { "\n" };
        writeln!(out, "{gap}[{section}]")?;
        for key in KEYS.iter().filter(|key| key.section == section) {
            match (config.merged.get(&key.path()), key.default) {
                (Some(setting), _) => {
                    writeln!(out, "{} = {} # from {}", key.name, setting.value, setting.origin)?
                }
                (None, DefaultValue::Unset(effect)) => writeln!(out, "# {} is not set: {effect}", key.name)?,
                (None, _) => {}
            }
        }
    }
    writeln!(out, "\n[{SETTINGS_SECTION}]")?;
    for (name, setting) in config.merged.game_settings() {
        writeln!(out, "{name} = {} # from {}", setting.value, setting.origin)?;
    }
    Ok(())
}

fn write_documented(key: &ConfigKey, games: AvailableGames<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = key.name;
    let game = games.selected;
    writeln!(out, "# {}", key.doc)?;
    let flag = key.flag.map(|flag| format!(" Flag {flag}.")).unwrap_or_default();
    let reload =
        if RELOADABLE_KEYS.contains(&key.path().as_str()) { " SIGHUP applies a change." } else { "" };
    writeln!(out, "# Accepts {}.{flag}{reload}", games.describe(key.kind))?;
    match key.default {
        DefaultValue::Text(text) => writeln!(out, "{name} = {}", toml::Value::from(text)),
        DefaultValue::Integer(number) => writeln!(out, "{name} = {number}"),
        DefaultValue::FirstGame => writeln!(out, "{name} = {}", toml::Value::from(game.name)),
        DefaultValue::Unset(effect) => writeln!(out, "# Not set: {effect}.\n#{name} = \"path/to/{name}\""),
        DefaultValue::Cores => {
            let threads = key::default_threads();
            writeln!(
                out,
                "# Not set: the number of cores, at least {MIN_THREADS}; on this machine it is this.\n#{name} = {threads}"
            )
        }
        DefaultValue::SameAs(other) => {
            let value = keys::default_integer(other).unwrap_or_default();
            writeln!(out, "# Not set: the same as {other}.\n#{name} = {value}")
        }
        DefaultValue::GameSeats => write_game_default(name, &game.seats.to_string(), game, out),
        DefaultValue::GameBots => write_game_default(name, &game.bots.to_string(), game, out),
        DefaultValue::GameSkill => {
            write_game_default(name, &toml::Value::from(game.bot_skill).to_string(), game, out)
        }
    }
}

fn write_game_default(name: &str, value: &str, game: &GameDefaults, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Not set: the default of the game; for {} it is this.\n#{name} = {value}", game.name)
}

fn write_settings(game: &GameDefaults, out: &mut dyn Write) -> io::Result<()> {
    let none = if game.settings.is_empty() { " none." } else { "" };
    writeln!(out, "\n# Settings of {}, with their defaults:{none}", game.name)?;
    for (name, value) in &game.settings {
        writeln!(out, "#{name} = {value}")?;
    }
    Ok(())
}
