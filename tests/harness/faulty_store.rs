//! A journal store with injected disk faults: full, torn writes, stalls, and recovery.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quarrel_server::storage::journals::{JournalFile, JournalName, JournalStore, MemoryStore, StoredJournal};

/// A journal store in memory with injected faults. Clones share the journals and the fault.
#[derive(Clone, Debug, Default)]
pub struct FaultyStore {
    inner: MemoryStore,
    disk: Arc<FaultyDisk>,
}

/// The injected fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// No fault: every operation succeeds.
    #[default]
    None,
    /// Creating and appending fail with `StorageFull`.
    Full,
    /// An append writes half of its bytes, then fails with `StorageFull`. Creating fails.
    Torn,
    /// As [`Self::Torn`], and truncating the file fails too.
    TornUntruncatable,
    /// Creating and appending block until the fault is cleared.
    Stalled,
    /// Flushing fails.
    Unsyncable,
}

#[derive(Debug, Default)]
struct FaultyDisk {
    state: Mutex<FaultState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct FaultState {
    fault: Fault,
    waiting: usize,
}

/// The longest that an operation blocks on a stalled disk, because a failed test must end.
const MAX_STALL: Duration = Duration::from_secs(60);

impl FaultyStore {
    /// The stored journals, without the faults.
    #[must_use]
    pub const fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    /// Injects a fault into all later operations; [`Fault::None`] clears it and wakes the blocked operations.
    pub fn set_fault(&self, fault: Fault) {
        self.disk.state().fault = fault;
        self.disk.changed.notify_all();
    }

    /// Whether an operation is blocked on the stalled disk.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        self.disk.state().waiting > 0
    }
}

impl FaultyDisk {
    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the current fault, after waiting for a stall to end.
    fn wait_for_fault(&self) -> Fault {
        let mut state = self.state();
        state.waiting += 1;
        let is_stalled = |state: &mut FaultState| state.fault == Fault::Stalled;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, MAX_STALL, is_stalled)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.fault
    }

    fn open(
        &self,
        open: impl FnOnce() -> io::Result<Box<dyn JournalFile>>,
    ) -> io::Result<Box<dyn JournalFile>> {
        match self.wait_for_fault() {
            Fault::None | Fault::Unsyncable => open(),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

/// A journal file of a [`FaultyStore`].
struct FaultyFile(Box<dyn JournalFile>, Arc<FaultyDisk>);

impl JournalStore for FaultyStore {
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>> {
        self.disk.open(|| Ok(Box::new(FaultyFile(self.inner.create(name)?, Arc::clone(&self.disk)))))
    }

    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>> {
        self.disk.open(|| Ok(Box::new(FaultyFile(self.inner.reopen(name, bytes)?, Arc::clone(&self.disk)))))
    }

    fn list(&self) -> io::Result<Vec<StoredJournal>> {
        self.inner.list()
    }

    fn read(&self, name: JournalName) -> io::Result<Vec<u8>> {
        self.inner.read(name)
    }

    fn read_tail(&self, name: JournalName, max: usize) -> io::Result<Vec<u8>> {
        self.inner.read_tail(name, max)
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

impl JournalFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.1.wait_for_fault() {
            Fault::None | Fault::Unsyncable => return self.0.append(bytes),
            Fault::Torn | Fault::TornUntruncatable => self.0.append(&bytes[..bytes.len() / 2])?,
            Fault::Full | Fault::Stalled => {}
        }
        Err(io::ErrorKind::StorageFull.into())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        match self.1.state().fault {
            Fault::TornUntruncatable => Err(io::ErrorKind::StorageFull.into()),
            _ => self.0.cut(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.1.state().fault == Fault::Unsyncable {
            return Err(io::Error::other("injected fault: the file cannot be flushed"));
        }
        self.0.sync()
    }
}
