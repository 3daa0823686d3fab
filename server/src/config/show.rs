//! The configuration as a commented TOML file.
//!
//! `config default` prints what to begin with: every key, documented.
//! A default that follows from something else (the game, another key) is printed as a comment, for a number that
//! is written down no longer follows.
//! `config show` prints what is in force, and where each value came from.

use std::io::{self, Write};

use super::keys::{self, Fallback, KEYS, Key, SETTINGS_SECTION};
use super::values::Vocabulary;
use super::{Config, GameDefaults};

/// Prints a file that says the defaults and documents every key; `games` as in [`super::load`].
pub fn write_default(games: &[GameDefaults], out: &mut dyn Write) -> io::Result<()> {
    let Some(game) = games.first() else { return Ok(()) };
    writeln!(out, "# The configuration of a Quarrel server. Give it with --config.")?;
    let variable = keys::variable("net", "listen");
    writeln!(out, "# Each key is also an environment variable, as {variable} is for listen in [net].")?;
    writeln!(out, "# Flags overrule the environment, which overrules this file.")?;
    for section in keys::sections() {
        writeln!(out, "\n\n[{section}]")?;
        for key in KEYS.iter().filter(|key| key.section == section) {
            writeln!(out)?;
            write_documented(key, Vocabulary { games, game }, out)?;
        }
    }
    writeln!(out, "\n\n[{SETTINGS_SECTION}]")?;
    for game in games {
        write_settings(game, out)?;
    }
    Ok(())
}

/// Prints the configuration in force, each value with where it came from.
pub fn write_effective(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    for (i, section) in keys::sections().into_iter().enumerate() {
        let gap = if i == 0 { "" } else { "\n" };
        writeln!(out, "{gap}[{section}]")?;
        for key in KEYS.iter().filter(|key| key.section == section) {
            match (config.merged.get(&key.path()), key.fallback) {
                (Some(setting), _) => {
                    writeln!(out, "{} = {} # from {}", key.name, setting.value, setting.origin)?
                }
                (None, Fallback::Unset(why)) => writeln!(out, "# {} is not set: {why}", key.name)?,
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

fn write_documented(key: &Key, words: Vocabulary<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = key.name;
    let game = words.game;
    writeln!(out, "# {}", key.doc)?;
    let flag = key.flag.map(|flag| format!(" Flag {flag}.")).unwrap_or_default();
    writeln!(out, "# Takes {}.{flag}", words.accepts(key.kind))?;
    match key.fallback {
        Fallback::Text(text) => writeln!(out, "{name} = {}", toml::Value::from(text)),
        Fallback::Integer(number) => writeln!(out, "{name} = {number}"),
        Fallback::FirstGame => writeln!(out, "{name} = {}", toml::Value::from(game.name)),
        Fallback::Unset(why) => writeln!(out, "# Not set: {why}.\n#{name} = \"{name}.pem\""),
        Fallback::SameAs(other) => {
            let value = keys::default_of(other).unwrap_or_default();
            writeln!(out, "# Not set: the same as {other}.\n#{name} = {value}")
        }
        Fallback::GameSeats => follows(name, &game.seats.to_string(), game, out),
        Fallback::GameBots => follows(name, &game.bots.to_string(), game, out),
        Fallback::GameSkill => follows(name, &toml::Value::from(game.bot_skill).to_string(), game, out),
    }
}

fn follows(name: &str, value: &str, game: &GameDefaults, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Not set: the game's own; that of {} is this.\n#{name} = {value}", game.name)
}

fn write_settings(game: &GameDefaults, out: &mut dyn Write) -> io::Result<()> {
    let nothing = if game.settings.is_empty() { " Nothing." } else { "" };
    writeln!(out, "\n# What {} takes, and its defaults:{nothing}", game.name)?;
    for (name, value) in &game.settings {
        writeln!(out, "#{name} = {value}")?;
    }
    Ok(())
}
