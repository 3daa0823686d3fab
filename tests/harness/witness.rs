//! Several viewers of one room: whatever way their views came, what they were shown of a tick must be the same.

use std::{collections::BTreeMap, fmt::Debug};

use quarrel_shared::{id::EntityId, snapshot::View, tick::Tick};

/// What was shown of each tick so far.
#[derive(Debug)]
pub struct Witness<E> {
    shown: BTreeMap<Tick, Vec<(EntityId, E)>>,
    /// How many views were held against another one.
    pub compared: usize,
}

impl<E: Clone + PartialEq + Debug> Witness<E> {
    /// Nobody was shown anything yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { shown: BTreeMap::new(), compared: 0 }
    }

    /// Somebody was shown this. Whoever comes second to a tick is held against whoever came first.
    ///
    /// # Panics
    /// When the two were not shown the same.
    pub fn hear(&mut self, view: &View<E>) {
        match self.shown.get(&view.tick) {
            Some(first) => {
                assert_eq!(*first, view.entities, "at tick {} everybody is shown one world", view.tick);
                self.compared += 1;
            }
            None => drop(self.shown.insert(view.tick, view.entities.clone())),
        }
    }
}

impl<E: Clone + PartialEq + Debug> Default for Witness<E> {
    fn default() -> Self {
        Self::new()
    }
}
