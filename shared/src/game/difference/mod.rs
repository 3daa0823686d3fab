//! The differences between two states of a game, by entity and field, so that a person can look for the cause of a desync.
//!
//! A checksum shows only that two rooms diverged. Entities and events implement [`Serialize`], so `values` serializes them to trees of
//! JSON values, compares the trees, and names the path of each field that differs.

mod values;

use std::{
    collections::BTreeSet,
    fmt::{self, Debug},
};

use serde::Serialize;

use super::{Entities, Game};
use crate::{bits::BitWriter, id::EntityId};

/// A bounded list of the differences between two states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The first differences, in the order of entity ids and, within an entity, of fields by name.
    pub named: Vec<Difference>,
    /// The number of further differences, which are only counted.
    pub more: usize,
    /// The maximum length of `named`.
    max: usize,
}

/// One difference between a first and a second state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An entity that only the first state has.
    OnlyInOne {
        /// The entity's id.
        id: EntityId,
        /// The entity's state in debug format, cut to a length that fits a line.
        state: String,
    },
    /// An entity that only the second state has.
    OnlyInOther {
        /// The entity's id.
        id: EntityId,
        /// The entity's state in debug format, cut to a length that fits a line.
        state: String,
    },
    /// A field that has two different values.
    Field {
        /// The entity; `None` when the compared values are not entities.
        id: Option<EntityId>,
        /// The field's path, such as `Fighter.body.at.x`; empty for a value without fields.
        path: String,
        /// The field's value in the first state, as JSON, cut to a length that fits a line.
        one: String,
        /// The field's value in the second state, likewise.
        other: String,
    },
    /// Two values that are not equal but serialize alike, because `Serialize` leaves out the field that differs.
    Unserialized {
        /// The entity; `None` when the compared values are not entities.
        id: Option<EntityId>,
    },
    /// The saved states differ, and all entities are equal: the difference is in state that is not replicated, such as a random generator.
    Saved {
        /// The offset of the first byte that differs.
        at: usize,
        /// The length of the first saved state, in bytes.
        one: usize,
        /// The length of the second saved state, in bytes.
        other: usize,
    },
}

/// Returns the differences between the entities of two states or, if all entities are equal, between the bytes that the states save.
/// Names at most `max` differences and counts the others. The result is empty exactly when both states have equal entities and save
/// the same bytes.
pub fn differences<G: Game>(one: &G, other: &G, max: usize) -> Differences {
    let mut found = Differences::new(max);
    found.compare_entities(one.entities(), other.entities());
    if found.is_empty() {
        let [mut first, mut second] = [BitWriter::new(), BitWriter::new()];
        one.save(&mut first);
        other.save(&mut second);
        found.compare_saved(first.finish(), second.finish());
    }
    found
}

/// Returns the differences between two values that are not entities, such as the events of a tick.
pub fn differences_between<T: Debug + PartialEq + Serialize>(one: &T, other: &T, max: usize) -> Differences {
    let mut found = Differences::new(max);
    found.compare(None, one, other);
    found
}

impl Differences {
    /// Returns true if no difference was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.named.is_empty() && self.more == 0
    }

    const fn new(max: usize) -> Self {
        Self { named: Vec::new(), more: 0, max }
    }

    fn push(&mut self, difference: Difference) {
        if self.named.len() < self.max {
            self.named.push(difference);
        } else {
            self.more += 1;
        }
    }

    fn compare_entities<E: Debug + PartialEq + Serialize>(&mut self, one: &Entities<E>, other: &Entities<E>) {
        let clipped = |entity: &E| values::clipped(&format!("{entity:?}"));
        let ids = one.iter().map(|(id, _)| id).chain(other.iter().map(|(id, _)| id));
        for id in ids.collect::<BTreeSet<_>>() {
            match (one.get(id), other.get(id)) {
                (Some(first), Some(second)) => self.compare(Some(id), first, second),
                (Some(first), None) => self.push(Difference::OnlyInOne { id, state: clipped(first) }),
                (None, Some(second)) => self.push(Difference::OnlyInOther { id, state: clipped(second) }),
                (None, None) => {}
            }
        }
    }

    fn compare<T: Debug + PartialEq + Serialize>(&mut self, id: Option<EntityId>, one: &T, other: &T) {
        if one == other {
            return;
        }
        let fields = values::differing(one, other);
        if fields.is_empty() {
            self.push(Difference::Unserialized { id });
        }
        for values::Field { path, one, other } in fields {
            self.push(Difference::Field { id, path, one, other });
        }
    }

    fn compare_saved(&mut self, one: &[u8], other: &[u8]) {
        if one != other {
            let equal = one.iter().zip(other).take_while(|(first, second)| first == second).count();
            self.push(Difference::Saved { at: equal, one: one.len(), other: other.len() });
        }
    }
}

/// One line per difference.
impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, difference) in self.named.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{difference}")?;
        }
        match self.more {
            0 => Ok(()),
            more if self.named.is_empty() => write!(f, "{more} differences"),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyInOne { id, state } => write!(f, "entity {id} is only in the first state: {state}"),
            Self::OnlyInOther { id, state } => write!(f, "entity {id} is only in the second state: {state}"),
            Self::Field { id, path, one, other } => {
                write_location(f, *id, path)?;
                write!(f, "{one} against {other}")
            }
            Self::Unserialized { id } => {
                write_location(f, *id, "")?;
                f.write_str("the values differ in a field that is not serialized")
            }
            Self::Saved { at, one, other } => write!(
                f,
                "all entities are equal; the saved states differ from byte {at} on ({one} bytes against {other}), \
                 in state that is not replicated"
            ),
        }
    }
}

/// Writes the entity and the path of a difference, each if there is one, and a colon.
fn write_location(f: &mut fmt::Formatter<'_>, id: Option<EntityId>, path: &str) -> fmt::Result {
    match (id, path) {
        (Some(id), "") => write!(f, "entity {id}: "),
        (Some(id), path) => write!(f, "entity {id} {path}: "),
        (None, "") => Ok(()),
        (None, path) => write!(f, "{path}: "),
    }
}

#[cfg(test)]
mod tests;
