//! Parsing and checking of one value, and descriptions of the accepted values for error messages.

use std::net::SocketAddr;

use toml::Value;
use tracing_subscriber::EnvFilter;

use super::error::Origin;
use super::key::{Choices, ValueKind};
use super::sources::GameDefaults;

/// One assignment of a value to a key, as a source makes it. Neither the key nor the value is checked yet.
pub(super) struct RawAssignment {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) raw: RawValue,
    pub(super) origin: Origin,
}

/// A value in the form of its source.
pub(super) enum RawValue {
    /// A value from a TOML file, which has types.
    Typed(Value),
    /// The text of a variable or a flag, which have no types.
    Text(String),
}

impl RawAssignment {
    /// Creates the assignment of a variable or a flag; `path` is the key's full name.
    pub(super) fn of_text(path: &str, text: &str, origin: Origin) -> Self {
        let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
        Self {
            section: section.to_owned(),
            name: name.to_owned(),
            raw: RawValue::Text(text.to_owned()),
            origin,
        }
    }
}

impl RawValue {
    /// Returns the value; text is parsed as this kind.
    pub(super) fn to_value(&self, kind: ValueKind) -> Value {
        match self {
            Self::Typed(value) => value.clone(),
            Self::Text(text) => parse_text(kind, text),
        }
    }
}

/// The games in this binary and the selected one. The accepted values of some keys depend on them.
#[derive(Clone, Copy)]
pub(super) struct AvailableGames<'a> {
    /// Every game in the binary.
    pub(super) all: &'a [GameDefaults],
    /// The selected game.
    pub(super) selected: &'a GameDefaults,
}

impl AvailableGames<'_> {
    /// Returns the accepted words.
    pub(super) fn words(&self, choices: Choices) -> Vec<&'static str> {
        match choices {
            Choices::Fixed(words) => words.to_vec(),
            Choices::Games => self.all.iter().map(|game| game.name).collect(),
            Choices::Skills => self.selected.skills.to_vec(),
        }
    }

    /// Whether a key of this kind accepts `value`.
    pub(super) fn accepts(&self, kind: ValueKind, value: &Value) -> bool {
        match (kind, value) {
            (ValueKind::Address, Value::String(text)) => text.parse::<SocketAddr>().is_ok(),
            (ValueKind::Path, Value::String(text)) => !text.is_empty(),
            (ValueKind::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(number),
            (ValueKind::Seats, Value::Integer(number)) => {
                (1..=i64::from(self.selected.max_seats)).contains(number)
            }
            (ValueKind::Choice(choices), Value::String(text)) => self.words(choices).contains(&text.as_str()),
            (ValueKind::Filter, Value::String(text)) => text.parse::<EnvFilter>().is_ok(),
            _ => false,
        }
    }

    /// Describes the accepted values of a kind, to follow the words "it takes".
    pub(super) fn describe(&self, kind: ValueKind) -> String {
        match kind {
            ValueKind::Address => {
                "an IP address and a port, as in \"[::]:7777\" or \"127.0.0.1:7777\"".into()
            }
            ValueKind::Path => "a path".into(),
            ValueKind::Integer { min, max } => format!("{min} to {max}"),
            ValueKind::Seats => {
                let GameDefaults { name, max_seats, .. } = self.selected;
                format!("1 to {max_seats} (the largest room of {name})")
            }
            ValueKind::Choice(choices) => one_of(&self.words(choices)),
            ValueKind::Filter => "a level (error, warn, info, debug, trace), or levels by module as in \
                             \"info,quarrel_server::room=debug\""
                .into(),
        }
    }
}

/// Parses the text of a variable or a flag: as a number for an integer key, and as text otherwise. A number that does not parse remains
/// text, which the key then refuses.
fn parse_text(kind: ValueKind, text: &str) -> Value {
    match kind {
        ValueKind::Integer { .. } | ValueKind::Seats => {
            text.trim().parse().map_or_else(|_| text.into(), Value::Integer)
        }
        _ => text.into(),
    }
}

/// Parses text for a game setting into the type of its default; text that does not parse remains text.
pub(super) fn parse_like(default: &Value, text: &str) -> Value {
    let text = text.trim();
    match default {
        Value::String(_) => text.into(),
        _ => parse_toml(text).unwrap_or_else(|| text.into()),
    }
}

/// Whether a value has the type of a game setting's default; an integer is also accepted for a float.
pub(super) fn has_type_of(default: &Value, value: &Value) -> bool {
    default.same_type(value) || matches!((default, value), (Value::Float(_), Value::Integer(_)))
}

/// Describes the type of a game setting's default, to follow the words "it takes".
pub(super) fn describe_type_of(default: &Value) -> String {
    let article = if matches!(default, Value::Integer(_) | Value::Array(_)) { "an" } else { "a" };
    format!("{article} {}, as in {default}", default.type_str())
}

/// Parses a TOML value; `None` when the text is not exactly one value.
fn parse_toml(text: &str) -> Option<Value> {
    let mut table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    table.remove("value").filter(|_| table.is_empty())
}

/// Quotes the words and joins them, as in `"a", "b" or "c"`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "no value".into(),
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{arena::Arena, crowd::Crowd, game::Game, limits::MAX_ROOM_SEATS};

    use super::*;

    #[test]
    fn words_are_listed_as_in_a_sentence() {
        assert_eq!(one_of(&["a"]), "\"a\"");
        assert_eq!(one_of(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }

    #[test]
    fn a_room_larger_than_the_selected_game_supports_is_refused() {
        let (arena, crowd) = (GameDefaults::of::<Arena>(), GameDefaults::of::<Crowd>());
        let games = [arena, crowd];
        let [of_arena, of_crowd] = [0, 1].map(|at| AvailableGames { all: &games, selected: &games[at] });
        let seats = |seats: u16| Value::Integer(seats.into());
        assert!(of_arena.accepts(ValueKind::Seats, &seats(Arena::ROOM.max_seats)));
        assert!(!of_arena.accepts(ValueKind::Seats, &seats(Arena::ROOM.max_seats + 1)));
        assert!(of_crowd.accepts(ValueKind::Seats, &seats(MAX_ROOM_SEATS)));
        assert!(!of_crowd.accepts(ValueKind::Seats, &seats(MAX_ROOM_SEATS + 1)));
        assert!(!of_crowd.accepts(ValueKind::Seats, &seats(0)));
        assert_eq!(of_arena.describe(ValueKind::Seats), "1 to 256 (the largest room of arena)");
    }

    #[test]
    fn text_becomes_the_type_of_the_default() {
        assert_eq!(parse_like(&Value::Integer(1), "7"), Value::Integer(7));
        assert_eq!(parse_like(&Value::Boolean(true), "false"), Value::Boolean(false));
        assert_eq!(parse_like(&"a".into(), "7"), Value::from("7"), "text remains text for a text setting");
        assert_eq!(parse_like(&Value::Integer(1), "7\nother = 8"), Value::from("7\nother = 8"));
    }

    #[test]
    fn a_float_setting_accepts_an_integer() {
        assert!(has_type_of(&Value::Float(0.5), &Value::Integer(1)));
        assert!(!has_type_of(&Value::Integer(1), &Value::Float(0.5)));
    }
}
