//! What a seat moves itself, as a client steps it ahead of the server: its fighter, its quiver, the bolts it has in the air.

use crate::id::EntityId;

/// A seat's own things. Those that the server has confirmed come first, by id; behind them those that prediction let loose,
/// which have no id yet.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedEntities<E> {
    things: Vec<(Option<EntityId>, E)>,
}

impl<E> PredictedEntities<E> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { things: Vec::new() }
    }

    /// Something that the server has confirmed. Ids come in ascending order, before anything is let loose.
    pub fn confirm(&mut self, id: EntityId, thing: E) {
        self.things.push((Some(id), thing));
    }

    /// Something that begins to exist by this seat's doing, ahead of the server.
    pub fn spawn(&mut self, thing: E) {
        self.things.push((None, thing));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Option<EntityId>, &E)> {
        self.things.iter().map(|(id, thing)| (*id, thing))
    }

    /// All of them, to move them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.things.iter_mut().map(|(_, thing)| thing)
    }

    /// Keeps those of which `keep` is true: the others have come to their end.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut E) -> bool) {
        self.things.retain_mut(|(_, thing)| keep(thing));
    }

    /// Forgets them all, and keeps the space.
    pub fn clear(&mut self) {
        self.things.clear();
    }
}

impl<E> Default for PredictedEntities<E> {
    fn default() -> Self {
        Self::new()
    }
}
