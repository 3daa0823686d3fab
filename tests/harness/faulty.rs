//! A place for journals that does what disks do: it is full, tears what is written, stands still, and is well again.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quarrel_server::storage::journals::{JournalFile, JournalName, JournalStore, MemoryStore, StoredJournal};

/// Journals in memory, with faults. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct FaultyStore {
    kept: MemoryStore,
    disk: Arc<Disk>,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Nothing is made and nothing appended.
    Full,
    /// Half of what is appended is there, and then it is full.
    Torn,
    /// The same, and what is there cannot be cut either.
    TornForGood,
    /// Whoever makes or appends anything waits until this is over.
    Stuck,
}

#[derive(Debug, Default)]
struct Disk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    fault: Fault,
    waiting: usize,
}

/// How long anybody waits for a disk that stands still: a test that has failed must end.
const STUCK_AT_MOST: Duration = Duration::from_secs(60);

impl FaultyStore {
    /// What is there, read past all faults.
    #[must_use]
    pub const fn kept(&self) -> &MemoryStore {
        &self.kept
    }

    /// From now on this is wrong with it.
    pub fn set(&self, fault: Fault) {
        self.disk.state().fault = fault;
        self.disk.changed.notify_all();
    }

    /// Whether somebody waits for it.
    #[must_use]
    pub fn holds_somebody_up(&self) -> bool {
        self.disk.state().waiting > 0
    }
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong, once it does not stand still.
    fn fault(&self) -> Fault {
        let mut state = self.state();
        state.waiting += 1;
        let stuck = |state: &mut State| state.fault == Fault::Stuck;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, STUCK_AT_MOST, stuck)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.fault
    }

    fn make(
        &self,
        make: impl FnOnce() -> io::Result<Box<dyn JournalFile>>,
    ) -> io::Result<Box<dyn JournalFile>> {
        match self.fault() {
            Fault::None => make(),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

/// One of them.
struct FaultyFile(Box<dyn JournalFile>, Arc<Disk>);

impl JournalStore for FaultyStore {
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>> {
        self.disk.make(|| Ok(Box::new(FaultyFile(self.kept.create(name)?, Arc::clone(&self.disk)))))
    }

    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>> {
        self.disk.make(|| Ok(Box::new(FaultyFile(self.kept.reopen(name, bytes)?, Arc::clone(&self.disk)))))
    }

    fn list(&self) -> io::Result<Vec<StoredJournal>> {
        self.kept.list()
    }

    fn read(&self, name: JournalName) -> io::Result<Vec<u8>> {
        self.kept.read(name)
    }

    fn read_tail(&self, name: JournalName, most: usize) -> io::Result<Vec<u8>> {
        self.kept.read_tail(name, most)
    }

    fn remove(&self, name: JournalName) -> io::Result<()> {
        self.kept.remove(name)
    }

    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()> {
        self.kept.set_aside(name, reason)
    }

    fn list_aside(&self) -> io::Result<Vec<StoredJournal>> {
        self.kept.list_aside()
    }

    fn remove_aside(&self, name: JournalName) -> io::Result<()> {
        self.kept.remove_aside(name)
    }
}

impl JournalFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fault = self.1.fault();
        match fault {
            Fault::None => return self.0.append(bytes),
            Fault::Torn | Fault::TornForGood => self.0.append(&bytes[..bytes.len() / 2])?,
            Fault::Full | Fault::Stuck => {}
        }
        Err(io::ErrorKind::StorageFull.into())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        match self.1.state().fault {
            Fault::TornForGood => Err(io::ErrorKind::StorageFull.into()),
            _ => self.0.cut(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}
