//! Locations in a TOML text: the byte position of a key, and the key at a byte position.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Storm;
use crate::slo::Rule;

/// Returns the byte at which the value of a path starts. If the text has only the first keys of the path, returns the start of the last
/// one's value; `None` if the text lacks the first key.
pub(super) fn byte_of(table: &DeTable<'_>, path: &[String]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let mut value = table.get(first.as_str())?;
    let mut at = value.span().start;
    for key in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => table.get(key.as_str()),
            DeValue::Array(array) => key.parse::<usize>().ok().and_then(|index| array.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        (value, at) = (next, next.span().start);
    }
    Some(at)
}

/// Returns the path of the innermost value that contains a byte; empty when only the top-level table contains it.
pub(super) fn key_at(table: &DeTable<'_>, byte: usize) -> Vec<String> {
    let path = table.iter().find_map(|(key, value)| around(key.get_ref(), value, byte));
    path.unwrap_or_default()
}

/// Returns the index of the first invalid text in the list of rules or storms. The TOML parser locates such an error only at the list.
pub(super) fn wrong_element(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let is_wrong = |text: &str| match key {
        "slo" => text.parse::<Rule>().is_err(),
        "storms" => text.parse::<Storm>().is_err(),
        _ => false,
    };
    let elements = table.get(key)?.get_ref().as_array()?;
    elements.iter().position(|element| element.get_ref().as_str().is_some_and(is_wrong))
}

/// Returns the line of a byte, counted from 1.
pub(super) fn line(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).matches('\n').count() + 1
}

/// Returns the path, starting at `key`, of the innermost value that contains a byte; `None` if this value does not contain it.
fn around(key: &str, value: &Spanned<DeValue<'_>>, byte: usize) -> Option<Vec<String>> {
    let inner = match value.get_ref() {
        DeValue::Table(table) => Some(key_at(table, byte)).filter(|path| !path.is_empty()),
        DeValue::Array(array) => {
            array.iter().enumerate().find_map(|(index, value)| around(&index.to_string(), value, byte))
        }
        _ => None,
    };
    let inner = inner.or_else(|| value.span().contains(&byte).then(Vec::new))?;
    Some(std::iter::once(key.to_owned()).chain(inner).collect())
}
