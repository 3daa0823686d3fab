//! A TOML file as a list of assignments, each with its line and column.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::error::{ConfigError, NameKind, Origin};
use super::keys::{SETTINGS_SECTION, sections};
use super::values::{RawAssignment, RawValue};

/// Reads all assignments of the file, in no particular order. Sections must be known; keys and values are not checked yet.
pub(super) fn read(path: &Path) -> Result<Vec<RawAssignment>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    File { path, text: &text }.assignments()
}

/// A configuration file, and its path for the origins of assignments.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn assignments(&self) -> Result<Vec<RawAssignment>, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| self.syntax_error(&error, 0))?.into_inner();
        let mut assignments = Vec::new();
        for (name, value) in table {
            let at = self.origin(name.span().start);
            let section = name.into_inner().into_owned();
            if !is_section(&section) {
                let accepted = sections().into_iter().map(str::to_owned).collect();
                return Err(ConfigError::unknown(at, NameKind::Section, &section, accepted));
            }
            self.read_section(section, at, value, &mut assignments)?;
        }
        Ok(assignments)
    }

    /// Appends the assignments of a section and of its subsections, such as `game.settings` in `game`.
    fn read_section(
        &self,
        section: String,
        at: Origin,
        value: Spanned<DeValue<'_>>,
        assignments: &mut Vec<RawAssignment>,
    ) -> Result<(), ConfigError> {
        let entries = match value.into_inner() {
            DeValue::Table(entries) => entries,
            other => {
                let accepts = format!("keys, under a line [{section}]");
                return Err(ConfigError::Value { at, key: section, found: other.type_str().into(), accepts });
            }
        };
        for (name, value) in entries {
            let start = name.span().start;
            let path = format!("{section}.{}", name.get_ref());
            if is_section(&path) {
                self.read_section(path, self.origin(start), value, assignments)?;
                continue;
            }
            let raw = toml::Value::deserialize(ValueDeserializer::from(value))
                .map_err(|error| self.syntax_error(&error, start))?;
            assignments.push(RawAssignment {
                section: section.clone(),
                name: name.into_inner().into_owned(),
                raw: RawValue::Typed(raw),
                origin: self.origin(start),
            });
        }
        Ok(())
    }

    /// Creates the error at the place that the parser reports, or else at the byte `fallback`.
    fn syntax_error(&self, error: &toml::de::Error, fallback: usize) -> ConfigError {
        let at = self.origin(error.span().map_or(fallback, |span| span.start));
        ConfigError::Syntax { at, message: error.message().replace('\n', ", ") }
    }

    /// Returns the line and column of a byte offset.
    fn origin(&self, byte: usize) -> Origin {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

fn is_section(path: &str) -> bool {
    path == SETTINGS_SECTION || sections().contains(&path)
}
