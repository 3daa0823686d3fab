//! A flag that a journal could not be read although it may contain match results that the database lacks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// A flag, set when a journal could not be read that may contain match results which the database lacks. A run whose flag is set is not
/// recorded as stopped cleanly, so that the next start looks for the results again. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct IncompleteRead(Arc<AtomicBool>);

impl IncompleteRead {
    /// Sets the flag.
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}
