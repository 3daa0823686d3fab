//! Differences between two values that implement [`Serialize`]: the path of each field that differs, and its two values.

use std::{any, collections::BTreeSet, fmt::Debug};

use serde::Serialize;
use serde_json::{Map, Value, to_value};

/// A field that differs: its path, such as `Fighter.body.at.x`, and its two values as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) one: String,
    pub(super) other: String,
}

/// The maximum length of a value's text, in characters: two values fit a wide terminal's line.
const MAX_CHARS: usize = 120;

/// Returns the fields that differ between two values of one type. A value that JSON cannot represent counts as one field without a path.
pub(super) fn differing<T: Serialize + Debug>(one: &T, other: &T) -> Vec<Field> {
    let mut found = Vec::new();
    if let (Ok(first), Ok(second)) = (to_value(one), to_value(other)) {
        compare(root::<T>(&first), Some(&first), Some(&second), &mut found);
    } else {
        // JSON has no 128-bit integers and no maps whose keys are structs.
        let (one, other) = (format!("{one:?}"), format!("{other:?}"));
        compare(String::new(), Some(&Value::String(one)), Some(&Value::String(other)), &mut found);
    }
    found
}

/// Returns the text, cut to [`MAX_CHARS`] and marked with `…` if it is longer.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Returns the name with which paths begin: the type's name. Empty if the tree is an enum variant, whose name begins the path anyway, or
/// if the type is primitive.
fn root<T>(tree: &Value) -> String {
    let is_variant = |map: &Map<String, Value>| map.len() == 1 && map.keys().all(|key| is_type(key));
    let path = any::type_name::<T>().split('<').next().unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default();
    let is_named = is_type(name) && !tree.as_object().is_some_and(is_variant);
    if is_named { name.to_owned() } else { String::new() }
}

/// Returns true if this is the name of a type or a variant, which begin with a capital letter, and not of a field.
fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// Returns the path of a field of the value at `path`.
fn field(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Adds the fields that differ between two trees at `path`. `None` is a value that only the other tree has.
fn compare(path: String, one: Option<&Value>, other: Option<&Value>, found: &mut Vec<Field>) {
    match (one, other) {
        (one, other) if one == other => {}
        // Objects that share no key are two variants of an enum, which are listed as one field.
        (Some(Value::Object(one)), Some(Value::Object(other)))
            if one.keys().any(|key| other.contains_key(key)) =>
        {
            let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            names.into_iter().for_each(|name| {
                compare(field(&path, name), one.get(name), other.get(name), found);
            });
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            (0..one.len().max(other.len())).for_each(|index| {
                compare(format!("{path}[{index}]"), one.get(index), other.get(index), found);
            });
        }
        (one, other) => {
            let text = |side: Option<&Value>| {
                side.map_or_else(|| "nothing".to_owned(), |value| clipped(&value.to_string()))
            };
            found.push(Field { path, one: text(one), other: text(other) });
        }
    }
}
