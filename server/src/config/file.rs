//! A TOML file as a list of things said, each with its line and column.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::error::{ConfigError, Named, Origin};
use super::keys::{SETTINGS_SECTION, sections};
use super::layers::{Raw, Said};

/// Everything that the file says, in no particular order.
pub(super) fn read(path: &Path) -> Result<Vec<Said>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    File { path, text: &text }.said()
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn said(&self) -> Result<Vec<Said>, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| self.syntax(&error, 0))?.into_inner();
        let mut said = Vec::new();
        for (name, value) in table {
            let at = self.origin(name.span().start);
            let section = name.into_inner().into_owned();
            if !is_section(&section) {
                let accepted = sections().into_iter().map(str::to_owned).collect();
                return Err(ConfigError::unknown(at, Named::Section, &section, accepted));
            }
            self.section(section, at, value, &mut said)?;
        }
        Ok(said)
    }

    fn section(
        &self,
        section: String,
        at: Origin,
        value: Spanned<DeValue<'_>>,
        said: &mut Vec<Said>,
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
                self.section(path, self.origin(start), value, said)?;
                continue;
            }
            let raw = toml::Value::deserialize(ValueDeserializer::from(value))
                .map_err(|error| self.syntax(&error, start))?;
            said.push(Said {
                section: section.clone(),
                name: name.into_inner().into_owned(),
                raw: Raw::Value(raw),
                origin: self.origin(start),
            });
        }
        Ok(())
    }

    fn syntax(&self, error: &toml::de::Error, or_at: usize) -> ConfigError {
        let at = self.origin(error.span().map_or(or_at, |span| span.start));
        ConfigError::Syntax { at, message: error.message().replace('\n', ", ") }
    }

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
