//! Locations in a TOML text: the byte of a key, and the key at a byte.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Storm;
use crate::slo::Rule;

/// The byte at which a value begins; where the path is not all in the file, that of its deepest key that is.
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

/// The path of the innermost value around a byte; empty when only the whole table is around it.
pub(super) fn key_at(table: &DeTable<'_>, byte: usize) -> Vec<String> {
    let path = table.iter().find_map(|(key, value)| around(key.get_ref(), value, byte));
    path.unwrap_or_default()
}

/// The index of the first invalid text of a list. The parser locates such an error at the whole list only.
pub(super) fn wrong_element(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let is_wrong = |text: &str| match key {
        "slo" => text.parse::<Rule>().is_err(),
        "storms" => text.parse::<Storm>().is_err(),
        _ => false,
    };
    let elements = table.get(key)?.get_ref().as_array()?;
    elements.iter().position(|element| element.get_ref().as_str().is_some_and(is_wrong))
}

/// The line of a byte, counted from 1.
pub(super) fn line(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).matches('\n').count() + 1
}

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
