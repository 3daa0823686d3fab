//! The inputs of the configuration: its sources, and the defaults of the games.

use std::{ffi::OsString, path::PathBuf};

/// Defaults of one game, so that the configuration does not depend on game types.
#[derive(Clone, Debug)]
pub struct GameDefaults {
    /// The name that `game.name` and `--game` accept.
    pub name: &'static str,
    /// Default seats of a room.
    pub seats: u16,
    /// Default bots of a room.
    pub bots: u16,
    /// The maximum number of seats of a room.
    pub max_seats: u16,
    /// Default skill of those bots; one of `skills`.
    pub bot_skill: &'static str,
    /// Every skill that the game's bots can have.
    pub skills: &'static [&'static str],
    /// The game's default settings. The configuration accepts exactly these keys, with values of the same types; a float also accepts
    /// an integer.
    ///
    /// A setting whose default is `None` is not in the table, because TOML has no null, so an operator cannot set it.
    pub settings: toml::Table,
}

/// The sources of a configuration, in order of increasing precedence.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// The environment. Only variables with the prefix `QUARREL_` and two underscores after it are keys; others are ignored.
    pub env: Vec<(String, OsString)>,
    /// The flags on the command line.
    pub flags: Vec<FlagValue>,
}

/// The value of one flag on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// The full name of the key that the flag sets, as in `room.tick_rate`.
    pub key: &'static str,
    /// The value as typed.
    pub value: String,
    /// The flag, as in `--tick-rate`.
    pub flag: &'static str,
}
