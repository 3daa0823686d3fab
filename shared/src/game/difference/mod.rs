//! The differences between two states of a game, named by entity and field so that a person can look for the cause.
//!
//! A checksum shows only that two rooms diverged. Entities and events implement [`Serialize`], so `values` compares their serde
//! value trees and names the path of each field that differs.

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
    /// The first differences, in the order of entity ids and field paths.
    pub named: Vec<Difference>,
    /// The number of further differences.
    pub more: usize,
    /// The maximum length of `named`.
    max: usize,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An entity that only the first state has.
    OnlyInOne {
        /// Its id.
        id: EntityId,
        /// Its state, on one line.
        thing: String,
    },
    /// An entity that only the second state has.
    OnlyInOther {
        /// Its id.
        id: EntityId,
        /// Its state, on one line.
        thing: String,
    },
    /// A field with two values.
    Field {
        /// The entity; `None` when the compared values are not entities.
        id: Option<EntityId>,
        /// The field's path, such as `Fighter.body.at.x`; empty for a value without fields.
        path: String,
        /// Its value in the first state.
        one: String,
        /// Its value in the second state.
        other: String,
    },
    /// Two values that are not equal and serialize alike, because `Serialize` leaves something out.
    Unserialized {
        /// The entity; `None` when the compared values are not entities.
        id: Option<EntityId>,
    },
    /// All entities are equal and the saved states are not: the difference is in state that is not replicated, such as a generator.
    Saved {
        /// The offset of the first byte that differs.
        at: usize,
        /// The length of the first saved state, in bytes.
        one: usize,
        /// The length of the second saved state, in bytes.
        other: usize,
    },
}

/// Compares the entities of two states and, if those are equal, their saved bytes; names at most `max` differences. The result is
/// empty exactly when both states have equal entities and save the same bytes.
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

/// Compares two values that are not entities, such as the events of a tick.
pub fn differences_between<T: Debug + PartialEq + Serialize>(one: &T, other: &T, max: usize) -> Differences {
    let mut found = Differences::new(max);
    found.compare(None, one, other);
    found
}

impl Differences {
    /// Whether both states are equal.
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
        let brief = |entity: &E| values::clipped(&format!("{entity:?}"));
        let ids = one.iter().map(|(id, _)| id).chain(other.iter().map(|(id, _)| id));
        for id in ids.collect::<BTreeSet<_>>() {
            match (one.get(id), other.get(id)) {
                (Some(first), Some(second)) => self.compare(Some(id), first, second),
                (Some(first), None) => self.push(Difference::OnlyInOne { id, thing: brief(first) }),
                (None, Some(second)) => self.push(Difference::OnlyInOther { id, thing: brief(second) }),
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
            let same = one.iter().zip(other).take_while(|(first, second)| first == second).count();
            self.push(Difference::Saved { at: same, one: one.len(), other: other.len() });
        }
    }
}

/// One line per difference.
impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, difference) in self.named.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{difference}")?;
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
            Self::OnlyInOne { id, thing } => write!(f, "entity {id} is only in the first: {thing}"),
            Self::OnlyInOther { id, thing } => write!(f, "entity {id} is only in the second: {thing}"),
            Self::Field { id, path, one, other } => {
                write_place(f, *id, path)?;
                write!(f, "{one} against {other}")
            }
            Self::Unserialized { id } => {
                write_place(f, *id, "")?;
                f.write_str("not equal, in something that it does not serialize")
            }
            Self::Saved { at, one, other } => write!(
                f,
                "all entities are equal; the saved states differ from byte {at} on ({one} bytes against {other}), \
                 in something that is not replicated"
            ),
        }
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, id: Option<EntityId>, path: &str) -> fmt::Result {
    match (id, path) {
        (Some(id), "") => write!(f, "entity {id}: "),
        (Some(id), path) => write!(f, "entity {id} {path}: "),
        (None, "") => Ok(()),
        (None, path) => write!(f, "{path}: "),
    }
}

#[cfg(test)]
mod tests;
