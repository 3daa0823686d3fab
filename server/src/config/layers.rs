//! The merge: defaults, file, environment, flags; later layers overrule earlier ones.
//!
//! Every value is checked even where a later layer overrules it: a mistake in a file should not wait for the day
//! on which somebody removes a flag.

use std::collections::BTreeMap;

use toml::Value;

use super::error::{ConfigError, Named, Origin};
use super::keys::{self, ENVIRONMENT_PREFIX, Fallback, KEYS, Key, Kind, SETTINGS_SECTION, Words};
use super::values::{self, Vocabulary};
use super::{Config, GameDefaults, Sources, file, rules, settings};

/// Every key that has a value, by its full name.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    settings: BTreeMap<String, Setting>,
    game_defaults: toml::Table,
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// One thing that a source says, not yet known to mean anything.
pub(super) struct Said {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// A value as its source gives it.
pub(super) enum Raw {
    /// From TOML, which has types.
    Value(Value),
    /// From a variable or a flag, which have none.
    Text(String),
}

/// All layers over the defaults of the game that they choose.
pub(super) fn merge(sources: &Sources, games: &[GameDefaults]) -> Result<Merged, ConfigError> {
    let mut said = match &sources.file {
        Some(path) => file::read(path)?,
        None => Vec::new(),
    };
    said.extend(environment(sources));
    said.extend(flags(sources));

    let words = Vocabulary { games, game: chosen(&said, games)? };
    let mut merged = Merged::of_defaults(words);
    for said in said {
        merged.lay(said, words)?;
    }
    merged.follow(words.game);
    rules::check(&merged)?;
    Ok(merged)
}

fn environment(sources: &Sources) -> impl Iterator<Item = Said> {
    sources.env.iter().filter_map(|(variable, text)| {
        let path = variable.strip_prefix(ENVIRONMENT_PREFIX)?.to_lowercase().replace("__", ".");
        Some(Said::text(&path, text, Origin::Environment(variable.clone())))
    })
}

fn flags(sources: &Sources) -> impl Iterator<Item = Said> {
    sources.flags.iter().map(|flag| Said::text(flag.key, &flag.value, Origin::Flag(flag.flag)))
}

/// The game that the last layer names: what else is accepted depends on it.
fn chosen<'a>(said: &[Said], games: &'a [GameDefaults]) -> Result<&'a GameDefaults, ConfigError> {
    let Some(first) = games.first() else { panic!("a server without a game has nothing to configure") };
    let naming = said.iter().rfind(|said| said.section == "game" && said.name == "name");
    let Some(naming) = naming else { return Ok(first) };
    let name = naming.raw.to_value(Kind::Word(Words::Games));
    games.iter().find(|game| name.as_str() == Some(game.name)).ok_or_else(|| {
        let accepts = Vocabulary { games, game: first }.accepts(Kind::Word(Words::Games));
        ConfigError::value(naming.origin.clone(), "game.name", &name, accepts)
    })
}

impl Said {
    fn text(path: &str, text: &str, origin: Origin) -> Self {
        let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
        Self { section: section.to_owned(), name: name.to_owned(), raw: Raw::Text(text.to_owned()), origin }
    }

    /// Neither a key of ours nor a setting of the game: the error that lists what would have been.
    fn unknown(self, words: Vocabulary<'_>) -> ConfigError {
        let in_section: Vec<(&str, String)> = known(words)
            .filter(|(section, _)| *section == self.section)
            .map(|(section, name)| (section, name.to_owned()))
            .collect();
        if let Origin::Environment(variable) = &self.origin {
            let accepted = match in_section.as_slice() {
                [] => known(words).map(|(section, name)| keys::variable(section, name)).collect(),
                some => some.iter().map(|(section, name)| keys::variable(section, name)).collect(),
            };
            let variable = variable.clone();
            return ConfigError::unknown(self.origin, Named::Variable, &variable, accepted);
        }
        let accepted = in_section.into_iter().map(|(_, name)| name).collect();
        ConfigError::unknown(self.origin, Named::Key, &self.name, accepted)
    }
}

/// Section and name of every key, the game's own included.
fn known(words: Vocabulary<'_>) -> impl Iterator<Item = (&str, &str)> {
    let ours = KEYS.iter().map(|key| (key.section, key.name));
    ours.chain(words.game.settings.keys().map(|name| (SETTINGS_SECTION, name.as_str())))
}

impl Raw {
    fn to_value(&self, kind: Kind) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Text(text) => values::from_text(kind, text),
        }
    }
}

impl Merged {
    pub(super) fn get(&self, path: &str) -> Option<&Setting> {
        self.settings.get(path)
    }

    /// The game's own settings, by their name without the section.
    pub(super) fn game_settings(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.settings.iter().filter_map(|(path, setting)| {
            let name = path.strip_prefix(SETTINGS_SECTION)?.strip_prefix('.')?;
            Some((name, setting))
        })
    }

    /// The game's settings as they are when nobody makes any.
    pub(super) fn game_defaults(&self) -> &toml::Table {
        &self.game_defaults
    }

    fn of_defaults(words: Vocabulary<'_>) -> Self {
        let game = words.game;
        let mut merged = Self { settings: BTreeMap::new(), game_defaults: game.settings.clone() };
        for key in KEYS {
            if let Some((value, origin)) = default(key, game) {
                merged.set(key.path(), value, origin);
            }
        }
        for (name, value) in &game.settings {
            merged.set(settings::path(name), value.clone(), Origin::Game(game.name));
        }
        merged
    }

    /// Puts one thing said over what was there, once it means something and is right.
    fn lay(&mut self, said: Said, words: Vocabulary<'_>) -> Result<(), ConfigError> {
        if said.section == SETTINGS_SECTION
            && let Some(default) = words.game.settings.get(&said.name)
        {
            return self.lay_setting(said, default);
        }
        match keys::find(&said.section, &said.name) {
            Some(key) => self.lay_key(said, key, words),
            None => Err(said.unknown(words)),
        }
    }

    fn lay_key(&mut self, said: Said, key: &Key, words: Vocabulary<'_>) -> Result<(), ConfigError> {
        let value = said.raw.to_value(key.kind);
        if !words.admits(key.kind, &value) {
            return Err(ConfigError::value(said.origin, &key.path(), &value, words.accepts(key.kind)));
        }
        self.set(key.path(), value, said.origin);
        Ok(())
    }

    fn lay_setting(&mut self, said: Said, default: &Value) -> Result<(), ConfigError> {
        let path = settings::path(&said.name);
        let value = match said.raw {
            Raw::Value(value) => value,
            Raw::Text(text) => values::like(default, &text),
        };
        if !values::fits(default, &value) {
            return Err(ConfigError::value(said.origin, &path, &value, values::accepts_like(default)));
        }
        self.set(path, value, said.origin);
        Ok(())
    }

    /// Gives the keys that nobody set, and that depend on others, what follows from the others.
    fn follow(&mut self, game: &GameDefaults) {
        for key in KEYS {
            if self.settings.contains_key(&key.path()) {
                continue;
            }
            match key.fallback {
                Fallback::SameAs(other) => {
                    if let Some(value) = self.get(other).map(|setting| setting.value.clone()) {
                        self.set(key.path(), value, Origin::SameAs(other));
                    }
                }
                Fallback::GameBots => {
                    // A game that likes six bots must not refuse a room of four seats.
                    let seats = self.get("room.seats").and_then(|seats| seats.value.as_integer());
                    let bots = i64::from(game.bots).min(seats.unwrap_or(i64::MAX));
                    self.set(key.path(), bots.into(), Origin::Game(game.name));
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, path: String, value: Value, origin: Origin) {
        self.settings.insert(path, Setting { value, origin });
    }

    /// The typed configuration, which keeps this one for what only it knows: where each value came from.
    pub(super) fn into_config(self) -> Result<Config, ConfigError> {
        let mut config: Config =
            toml::Value::Table(self.to_table()).try_into().map_err(|error: toml::de::Error| {
                // The table of keys and the typed structure disagree: a fault of ours, which a test looks for.
                ConfigError::Syntax { at: Origin::Default, message: error.to_string() }
            })?;
        config.merged = self;
        Ok(config)
    }

    fn to_table(&self) -> toml::Table {
        let mut root = toml::Table::new();
        let sections = keys::sections().into_iter().chain([SETTINGS_SECTION]);
        for section in sections {
            *table_at(&mut root, section) = toml::Table::new();
        }
        for (path, setting) in &self.settings {
            if let Some((section, name)) = path.rsplit_once('.') {
                table_at(&mut root, section).insert(name.to_owned(), setting.value.clone());
            }
        }
        root
    }
}

/// What a key is before any layer says something, unless that follows from other keys.
fn default(key: &Key, game: &GameDefaults) -> Option<(Value, Origin)> {
    match key.fallback {
        Fallback::Text(text) => Some((text.into(), Origin::Default)),
        Fallback::Integer(number) => Some((number.into(), Origin::Default)),
        Fallback::FirstGame => Some((game.name.into(), Origin::Default)),
        Fallback::GameSeats => Some((i64::from(game.seats).into(), Origin::Game(game.name))),
        Fallback::GameSkill => Some((game.bot_skill.into(), Origin::Game(game.name))),
        Fallback::Unset(_) | Fallback::SameAs(_) | Fallback::GameBots => None,
    }
}

fn table_at<'a>(root: &'a mut toml::Table, section: &str) -> &'a mut toml::Table {
    section.split('.').fold(root, |table, name| {
        let inner = table.entry(name).or_insert_with(|| Value::Table(toml::Table::new()));
        match inner {
            Value::Table(inner) => inner,
            _ => unreachable!("a section is never a value: the table of keys has no such name"),
        }
    })
}
