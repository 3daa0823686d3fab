//! What a key takes: from text or from TOML to a value of the right kind, or a sentence that says what is right.

use std::net::SocketAddr;

use toml::Value;
use tracing_subscriber::EnvFilter;

use super::GameDefaults;
use super::keys::{Kind, Words};

/// What the words of a kind depend on.
#[derive(Clone, Copy)]
pub(super) struct Vocabulary<'a> {
    /// Every game in the binary.
    pub(super) games: &'a [GameDefaults],
    /// The one that is chosen.
    pub(super) game: &'a GameDefaults,
}

impl Vocabulary<'_> {
    /// The words that are accepted.
    pub(super) fn words(&self, words: Words) -> Vec<&'static str> {
        match words {
            Words::Fixed(words) => words.to_vec(),
            Words::Games => self.games.iter().map(|game| game.name).collect(),
            Words::Skills => self.game.skills.to_vec(),
        }
    }

    /// Whether a key of this kind takes this value.
    pub(super) fn admits(&self, kind: Kind, value: &Value) -> bool {
        match (kind, value) {
            (Kind::Address, Value::String(text)) => text.parse::<SocketAddr>().is_ok(),
            (Kind::Path, Value::String(text)) => !text.is_empty(),
            (Kind::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(number),
            (Kind::Word(words), Value::String(text)) => self.words(words).contains(&text.as_str()),
            (Kind::Filter, Value::String(text)) => text.parse::<EnvFilter>().is_ok(),
            _ => false,
        }
    }

    /// What a key of this kind takes, to follow the words "it takes".
    pub(super) fn accepts(&self, kind: Kind) -> String {
        match kind {
            Kind::Address => "an IP address and a port, as in \"[::]:7777\" or \"127.0.0.1:7777\"".into(),
            Kind::Path => "a path".into(),
            Kind::Integer { min, max } => format!("{min} to {max}"),
            Kind::Word(words) => one_of(&self.words(words)),
            Kind::Filter => "a level (error, warn, info, debug, trace), or levels by module as in \
                             \"info,quarrel_server::room=debug\""
                .into(),
        }
    }
}

/// Text from a variable or a flag, where nothing but the kind says whether it is a number.
pub(super) fn from_text(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::Integer { .. } => text.trim().parse().map_or_else(|_| text.into(), Value::Integer),
        _ => text.into(),
    }
}

/// Text for a setting of the game, whose type is that of its default; what does not fit stays text.
pub(super) fn like(default: &Value, text: &str) -> Value {
    let text = text.trim();
    match default {
        Value::String(_) => text.into(),
        _ => parsed(text).unwrap_or_else(|| text.into()),
    }
}

/// Whether a setting of the game takes this value, as far as its default tells.
pub(super) fn fits(default: &Value, value: &Value) -> bool {
    default.same_type(value) || matches!((default, value), (Value::Float(_), Value::Integer(_)))
}

/// What a setting with this default takes, to follow the words "it takes".
pub(super) fn accepts_like(default: &Value) -> String {
    let article = if matches!(default, Value::Integer(_) | Value::Array(_)) { "an" } else { "a" };
    format!("{article} {}, as in {default}", default.type_str())
}

fn parsed(text: &str) -> Option<Value> {
    let mut table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    table.remove("value").filter(|_| table.is_empty())
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing, for there is none".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_listed_as_a_person_would() {
        assert_eq!(one_of(&["a"]), "\"a\"");
        assert_eq!(one_of(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }

    #[test]
    fn text_becomes_the_type_of_the_default() {
        assert_eq!(like(&Value::Integer(1), "7"), Value::Integer(7));
        assert_eq!(like(&Value::Boolean(true), "false"), Value::Boolean(false));
        assert_eq!(like(&"a".into(), "7"), Value::from("7"), "text stays text for a text setting");
        assert_eq!(like(&Value::Integer(1), "7\nother = 8"), Value::from("7\nother = 8"));
    }

    #[test]
    fn a_whole_number_fits_where_a_fraction_does() {
        assert!(fits(&Value::Float(0.5), &Value::Integer(1)));
        assert!(!fits(&Value::Integer(1), &Value::Float(0.5)));
    }
}
