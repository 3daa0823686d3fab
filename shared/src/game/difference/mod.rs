//! What differs between two states of a game, named so that a person can look for its cause: the entity and the field.
//!
//! A checksum says that two rooms went apart, and no more. Games bring no reflection, but every entity brings its `Debug`, so
//! the fields are read from that: derived ones to the last number, hand-written ones line by line.
//!
//! - `tree`: Rust's pretty `Debug` text as a tree.
//! - `fields`: where two such texts differ.

mod fields;
mod tree;

use std::{
    cmp::Ordering,
    fmt::{self, Debug},
};

use super::Game;
use crate::{bits::BitWriter, id::EntityId};

/// What differs between one state and the other, as far as a list of bounded length can say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The first of them, in the order of ids and fields.
    pub named: Vec<Difference>,
    /// How many more there are.
    pub more: usize,
    /// How many may be named.
    most: usize,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An entity that the other state does not have.
    OnlyInOne {
        /// Which.
        id: EntityId,
        /// What it looks like.
        thing: String,
    },
    /// An entity that only the other state has.
    OnlyInOther {
        /// Which.
        id: EntityId,
        /// What it looks like.
        thing: String,
    },
    /// A field.
    Field {
        /// Of which entity; `None` when what was compared is none.
        id: Option<EntityId>,
        /// Its path, as in `Fighter.body.at.x`; `line 3` in a text that is not a derived `Debug`'s; empty for a thing without fields.
        path: String,
        /// What it is in the one.
        one: String,
        /// What it is in the other.
        other: String,
    },
    /// Two things that are not equal and look the same: their `Debug` leaves something out.
    Unseen {
        /// Which entity; `None` when what was compared is none.
        id: Option<EntityId>,
    },
    /// All entities are equal and the saved states are not: what differs is not replicated, as generators and trails are not.
    Saved {
        /// The first byte that differs.
        at: usize,
        /// How many bytes the one has.
        one: usize,
        /// How many bytes the other has.
        other: usize,
    },
}

/// What differs between two states of a game, at most `most` of it by name: their entities, or else what they save beside them.
/// Empty exactly when they save the same and have equal entities.
pub fn differences<G: Game>(one: &G, other: &G, most: usize) -> Differences {
    let mut found = differences_of(one.entities().iter(), other.entities().iter(), most);
    if found.is_empty() {
        let [mut first, mut second] = [BitWriter::new(), BitWriter::new()];
        one.save(&mut first);
        other.save(&mut second);
        found.compare_saved(first.finish(), second.finish());
    }
    found
}

/// The same where only the entities are known, which come in id order.
pub fn differences_of<'a, E: Debug + PartialEq + 'a>(
    one: impl IntoIterator<Item = (EntityId, &'a E)>,
    other: impl IntoIterator<Item = (EntityId, &'a E)>,
    most: usize,
) -> Differences {
    let mut found = Differences::new(most);
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    loop {
        let order = match (one.peek(), other.peek()) {
            (Some((first, _)), Some((second, _))) => first.cmp(second),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return found,
        };
        let first = if order.is_le() { one.next() } else { None };
        let second = if order.is_ge() { other.next() } else { None };
        match (first, second) {
            (Some((id, thing)), None) => found.push(Difference::OnlyInOne { id, thing: brief(thing) }),
            (None, Some((id, thing))) => found.push(Difference::OnlyInOther { id, thing: brief(thing) }),
            (Some((id, first)), Some((_, second))) => found.compare(Some(id), first, second),
            (None, None) => {}
        }
    }
}

/// The same of two things that are no entities: the events of a tick, its entries.
pub fn differences_between<T: Debug + PartialEq>(one: &T, other: &T, most: usize) -> Differences {
    let mut found = Differences::new(most);
    found.compare(None, one, other);
    found
}

/// The fields of a thing with their paths, as differences name them; a thing whose `Debug` is not derived is one field.
pub fn fields_of<T: Debug>(thing: &T) -> Vec<(String, String)> {
    fields::listed(&format!("{thing:#?}"))
}

impl Differences {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.named.is_empty() && self.more == 0
    }

    const fn new(most: usize) -> Self {
        Self { named: Vec::new(), more: 0, most }
    }

    fn push(&mut self, difference: Difference) {
        if self.named.len() < self.most {
            self.named.push(difference);
        } else {
            self.more += 1;
        }
    }

    fn compare<T: Debug + PartialEq>(&mut self, id: Option<EntityId>, one: &T, other: &T) {
        if one == other {
            return;
        }
        let fields = fields::differing(&format!("{one:#?}"), &format!("{other:#?}"));
        if fields.is_empty() {
            self.push(Difference::Unseen { id });
        }
        for fields::Field { path, one, other } in fields {
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

/// One line a difference.
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
            Self::Unseen { id } => {
                write_place(f, *id, "")?;
                f.write_str("not equal, in something that its Debug does not show")
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

/// A thing on one line.
fn brief(thing: &impl Debug) -> String {
    fields::clipped(&format!("{thing:?}"))
}

#[cfg(test)]
mod tests;
