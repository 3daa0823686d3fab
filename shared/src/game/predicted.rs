//! The entities that a client predicts for its seat, such as (in Arena) its fighter, its quiver and its bolts in flight.

use crate::id::EntityId;

/// The predicted entities of one seat: first those that the server has confirmed, in ascending order of ids, then those that
/// prediction spawned, in the order of their spawns. The latter have no id, because the server assigns ids.
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

    /// Adds an entity that the server has confirmed. Must be called in ascending order of ids, before any [`Self::spawn`].
    pub fn confirm(&mut self, id: EntityId, entity: E) {
        self.entities.push((Some(id), entity));
    }

    /// Adds an entity that prediction spawns ahead of the server.
    pub fn spawn(&mut self, entity: E) {
        self.entities.push((None, entity));
    }

    /// Iterates over all entities with their ids; `None` for a spawned entity.
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
