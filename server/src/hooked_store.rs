//! A journal store in memory for tests, with a hook before it is read.

use std::io;

use crate::storage::journals::{JournalFile, JournalName, JournalStore, MemoryStore, StoredJournal};

/// A journal store in memory that calls a hook before it lists or reads journals.
pub(crate) struct HookedStore<F> {
    inner: MemoryStore,
    before_read: F,
}

impl<F: Fn()> HookedStore<F> {
    /// Creates an empty store.
    pub(crate) fn new(before_read: F) -> Self {
        Self { inner: MemoryStore::default(), before_read }
    }
}

impl<F: Fn() + Send + Sync + 'static> JournalStore for HookedStore<F> {
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>> {
        self.inner.create(name)
    }

    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>> {
        self.inner.reopen(name, bytes)
    }

    fn list(&self) -> io::Result<Vec<StoredJournal>> {
        (self.before_read)();
        self.inner.list()
    }

    fn read(&self, name: JournalName) -> io::Result<Vec<u8>> {
        (self.before_read)();
        self.inner.read(name)
    }

    fn read_tail(&self, name: JournalName, max_bytes: usize) -> io::Result<Vec<u8>> {
        self.inner.read_tail(name, max_bytes)
    }

    fn remove(&self, name: JournalName) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()> {
        self.inner.set_aside(name, reason)
    }

    fn list_aside(&self) -> io::Result<Vec<StoredJournal>> {
        self.inner.list_aside()
    }

    fn remove_aside(&self, name: JournalName) -> io::Result<()> {
        self.inner.remove_aside(name)
    }
}
