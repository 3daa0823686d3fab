//! That results may be where nobody could read them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Says whether journals could not be read in which results may be that were never written: then this run cannot say that everything
/// is, and the next start is to look again. Clones say the same.
#[derive(Clone, Debug, Default)]
pub struct Unread(Arc<AtomicBool>);

impl Unread {
    /// There was one.
    pub fn say(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether there was one.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.0.load(Relaxed)
    }
}
