//! Views: the part of a frame that one seat may see.

use crate::{id::EntityId, tick::Tick};

/// The entities that one seat sees at one tick.
#[derive(Clone, Debug, PartialEq)]
pub struct View<E> {
    /// The tick of the frame from which the view was selected.
    pub tick: Tick,
    /// The entities in ascending order of ids, each id once.
    pub entities: Vec<(EntityId, E)>,
}

impl<E> View<E> {
    /// Creates an empty view of this tick.
    #[must_use]
    pub const fn new(tick: Tick) -> Self {
        Self { tick, entities: Vec::new() }
    }

    /// Returns the entity with this id, if it is in the view.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&E> {
        let at = self.entities.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.entities[at].1)
    }
}

impl<E> Default for View<E> {
    fn default() -> Self {
        Self::new(Tick(0))
    }
}
