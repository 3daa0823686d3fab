//! Several viewers of one room: their views of the same tick must be equal, regardless of the snapshots that carried them.

use std::{collections::BTreeMap, fmt::Debug};

use quarrel_shared::{id::EntityId, snapshot::View, tick::Tick};

/// Compares the views of several viewers, tick by tick.
#[derive(Debug)]
pub struct ViewChecker<E> {
    /// The first view of each tick.
    views: BTreeMap<Tick, Vec<(EntityId, E)>>,
    /// The number of views that were compared with an earlier one.
    pub compared: usize,
}

impl<E: Clone + PartialEq + Debug> ViewChecker<E> {
    /// A checker without any views.
    #[must_use]
    pub const fn new() -> Self {
        Self { views: BTreeMap::new(), compared: 0 }
    }

    /// Compares a view with the first view of its tick, or keeps it if it is the first.
    ///
    /// # Panics
    /// When the two views differ.
    pub fn check(&mut self, view: &View<E>) {
        match self.views.get(&view.tick) {
            Some(first) => {
                assert_eq!(
                    *first, view.entities,
                    "all viewers must see the same world at tick {}",
                    view.tick
                );
                self.compared += 1;
            }
            None => drop(self.views.insert(view.tick, view.entities.clone())),
        }
    }
}

impl<E: Clone + PartialEq + Debug> Default for ViewChecker<E> {
    fn default() -> Self {
        Self::new()
    }
}
