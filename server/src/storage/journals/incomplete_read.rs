//! A flag for results that may be in journals that could not be read.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Set when a journal could not be read that may hold results which the storage lacks. The run cannot be marked clean then, so that the
/// next start looks for them again. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct IncompleteRead(Arc<AtomicBool>);

impl IncompleteRead {
    /// Sets the flag.
    pub fn set(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether a journal could not be read.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}
