//! Errors of the configuration, and the origins of its values.
//!
//! An operator reads these errors when a server does not start. Each names its place (file, line and column, the variable, the flag),
//! the value found there, and the accepted values.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The key's default, which is the same for every game.
    Default,
    /// The default of the game with this name.
    Game(&'static str),
    /// The value of another key, which is this key's default; the other key's full name.
    SameAs(&'static str),
    /// A position in a file.
    File {
        /// The path as given on the command line.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// The environment variable with this name.
    Environment(String),
    /// The command line flag, as in `--listen`.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Game(name) => write!(f, "default of {name}"),
            Self::SameAs(key) => write!(f, "{key}"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// The kind of an unknown name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A key in a section.
    Key,
    /// A section of a file.
    Section,
    /// An environment variable.
    Variable,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Section => "section",
            Self::Variable => "variable",
        })
    }
}

/// An environment variable that is not a key and is ignored, but has nearly the name of a key's variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The ignored variable.
    pub variable: String,
    /// The variables of the keys that it may mean.
    pub meant: Vec<String>,
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is not a key and has no effect; did you mean {}?",
            self.variable,
            self.meant.join(" or ")
        )
    }
}

/// Errors of loading the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot read the configuration file: {source}", path.display())]
    Unreadable {
        /// The path as given on the command line.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is not valid TOML.
    #[error("{at}: {message}")]
    Syntax {
        /// The place where the parser stopped.
        at: Origin,
        /// The message of the parser.
        message: String,
    },
    /// An unknown key, section or environment variable: most likely a typing error.
    #[error("{at}: unknown {kind} `{name}`{}; accepted here: {}", did_you_mean(nearest.as_deref()), accepted.join(", "))]
    Unknown {
        /// The place of the assignment.
        at: Origin,
        /// The kind of the name.
        kind: NameKind,
        /// The unknown name.
        name: String,
        /// The accepted names in that place.
        accepted: Vec<String>,
        /// The most similar accepted name, if one is similar enough to suggest it.
        nearest: Option<String>,
    },
    /// A known key with a value that it does not accept.
    #[error("{at}: {key} is {found}; it takes {accepts}")]
    Value {
        /// The place of the assignment.
        at: Origin,
        /// The key's full name.
        key: String,
        /// The value in TOML syntax, or its type where a section was expected.
        found: String,
        /// A description of the accepted values.
        accepts: String,
    },
    /// The value of a variable is not Unicode text. No key takes other bytes, paths included.
    #[error("{at}: {key} is not valid UTF-8; it takes text in UTF-8")]
    NotUnicode {
        /// The variable.
        at: Origin,
        /// The key's full name.
        key: String,
    },
    /// A key that requires another key.
    #[error("{at}: {key} is set but {missing} is not; they belong together")]
    Incomplete {
        /// The place where `key` was set.
        at: Origin,
        /// The key that is set.
        key: &'static str,
        /// The key that is not set.
        missing: &'static str,
    },
    /// The game's own type refused the settings.
    #[error("{at}: {key}: {message}")]
    Settings {
        /// The place where the setting was set.
        at: Origin,
        /// The setting, or the section when only the combination of settings is refused.
        key: String,
        /// The reason of the game's type.
        message: String,
    },
}

impl ConfigError {
    /// Creates a [`Value`](Self::Value) error that shows the value in TOML syntax.
    pub(super) fn value(at: Origin, key: &str, found: &toml::Value, accepts: String) -> Self {
        Self::Value { at, key: key.to_owned(), found: found.to_string(), accepts }
    }

    /// Creates an [`Unknown`](Self::Unknown) error that suggests the most similar accepted name.
    pub(super) fn unknown(at: Origin, kind: NameKind, name: &str, accepted: Vec<String>) -> Self {
        let nearest = nearest(name, &accepted);
        Self::Unknown { at, kind, name: name.to_owned(), accepted, nearest }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// Returns the candidate with the smallest [edit distance](edits) from the name, ignoring case; `None` when that distance exceeds a
/// third of the name's length, rounded up.
fn nearest(name: &str, candidates: &[String]) -> Option<String> {
    let max_edits = name.chars().count().div_ceil(3);
    candidates
        .iter()
        .map(|candidate| (edits(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= max_edits)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.clone())
}

/// Returns the Levenshtein distance: the minimum number of insertions, deletions and substitutions that turn one word into the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_the_levenshtein_distance() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn a_misspelled_name_finds_the_nearest_key_and_an_unrelated_name_finds_none() {
        let accepted = ["tick_rate", "send_rate", "rooms"].map(str::to_owned);
        assert_eq!(nearest("tickrate", &accepted).as_deref(), Some("tick_rate"));
        assert_eq!(nearest("ROOM", &accepted).as_deref(), Some("rooms"));
        assert_eq!(nearest("colour", &accepted), None);
    }
}
