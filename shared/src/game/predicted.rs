//! The entities that a client predicts for its seat, such as its fighter, its quiver and its bolts in flight.

use crate::id::EntityId;

/// A seat's predicted entities. Those that the server has confirmed come first, by id; after them those that prediction spawned,
/// which have no id yet.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedEntities<E> {
    entities: Vec<(Option<EntityId>, E)>,
}

impl<E> PredictedEntities<E> {
    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { entities: Vec::new() }
    }

    /// Adds an entity that the server has confirmed. Call it in ascending order of ids, before any [`Self::spawn`].
    pub fn confirm(&mut self, id: EntityId, entity: E) {
        self.entities.push((Some(id), entity));
    }

    /// Adds an entity that this seat creates ahead of the server.
    pub fn spawn(&mut self, entity: E) {
        self.entities.push((None, entity));
    }

    /// Iterates over all entities; spawned ones have no id.
    pub fn iter(&self) -> impl Iterator<Item = (Option<EntityId>, &E)> {
        self.entities.iter().map(|(id, entity)| (*id, entity))
    }

    /// Iterates over all entities, for modification.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.entities.iter_mut().map(|(_, entity)| entity)
    }

    /// Removes the entities for which `keep` returns false.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut E) -> bool) {
        self.entities.retain_mut(|(_, entity)| keep(entity));
    }

    /// Removes all entities and keeps the allocation.
    pub fn clear(&mut self) {
        self.entities.clear();
    }
}

impl<E> Default for PredictedEntities<E> {
    fn default() -> Self {
        Self::new()
    }
}
