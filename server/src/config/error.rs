//! What can be wrong with a configuration, and where it was said.
//!
//! A person reads these errors at the moment a server will not start, so each names its place (file, line and
//! column, the variable, the flag), what was found there, and what is accepted.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Nobody set it, and the game named here says what it is.
    Game(&'static str),
    /// Nobody set it, and it follows the key named here.
    SameAs(&'static str),
    /// A file, at a line and a column that begin with 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A command line flag.
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

/// What has a name in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A key in a section.
    Key,
    /// A section of a file.
    Section,
    /// An environment variable.
    Variable,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Section => "section",
            Self::Variable => "variable",
        })
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read: nothing is known of its content.
    #[error("{}: cannot read the configuration file: {source}", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{at}: {message}")]
    Syntax {
        /// Where the parser stopped.
        at: Origin,
        /// What it says.
        message: String,
    },
    /// A key, section or variable that nothing reads: most likely a slip of the pen.
    #[error("{at}: unknown {what} `{name}`{}; accepted here: {}", did_you_mean(nearest.as_deref()), accepted.join(", "))]
    Unknown {
        /// Where it was said.
        at: Origin,
        /// What it would have been the name of.
        what: Named,
        /// What was said.
        name: String,
        /// What is accepted in that place.
        accepted: Vec<String>,
        /// The accepted one that looks most like it.
        nearest: Option<String>,
    },
    /// A known key with a value that it does not take.
    #[error("{at}: {key} is {found}; it takes {accepts}")]
    Value {
        /// Where it was said.
        at: Origin,
        /// The key's full name.
        key: String,
        /// The value as it was said.
        found: String,
        /// Which values are accepted.
        accepts: String,
    },
    /// A key that means nothing without another one.
    #[error("{at}: {key} is set but {missing} is not; they belong together")]
    Incomplete {
        /// Where the one was set.
        at: Origin,
        /// The key that is set.
        key: &'static str,
        /// The key that is not.
        missing: &'static str,
    },
    /// The game did not take its settings, for a reason only it knows.
    #[error("{at}: {key}: {message}")]
    Settings {
        /// Where the setting was made.
        at: Origin,
        /// The setting, or all of them when only their combination is wrong.
        key: String,
        /// What the game says.
        message: String,
    },
}

impl ConfigError {
    /// A [`Value`](Self::Value) that shows the value as TOML would write it.
    pub(super) fn value(at: Origin, key: &str, found: &toml::Value, accepts: String) -> Self {
        Self::Value { at, key: key.to_owned(), found: found.to_string(), accepts }
    }

    /// An [`Unknown`](Self::Unknown) that looks for what was probably meant.
    pub(super) fn unknown(at: Origin, what: Named, name: &str, accepted: Vec<String>) -> Self {
        let nearest = nearest(name, &accepted);
        Self::Unknown { at, what, name: name.to_owned(), accepted, nearest }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// The candidate within a third of the name's length in edits, if any.
fn nearest(name: &str, candidates: &[String]) -> Option<String> {
    let reach = name.chars().count().div_ceil(3);
    candidates
        .iter()
        .map(|candidate| (edits(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.clone())
}

/// Levenshtein's distance: insertions, deletions and substitutions from one word to the other.
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
    fn edits_are_counted_as_levenshtein_does() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("same", "same"), 0);
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_key_and_a_stranger_finds_none() {
        let accepted = ["tick_rate", "send_rate", "rooms"].map(str::to_owned);
        assert_eq!(nearest("tickrate", &accepted).as_deref(), Some("tick_rate"));
        assert_eq!(nearest("ROOM", &accepted).as_deref(), Some("rooms"));
        assert_eq!(nearest("colour", &accepted), None);
    }
}
