//! A store of journals in memory, for simulated servers and tests.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    name::JournalName,
    store::{JournalFile, JournalStore, StoredJournal},
};

/// A store that keeps journals in memory, without times. Clones share the journals. Of a journal that was set aside, only the reason is
/// kept.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Files>>);

#[derive(Debug, Default)]
struct Files {
    /// The bytes of each journal.
    journals: BTreeMap<JournalName, Vec<u8>>,
    /// The reason of each journal that was set aside.
    aside: BTreeMap<JournalName, String>,
}

impl MemoryStore {
    /// Returns the journals that were set aside, with the reason of each.
    #[must_use]
    pub fn aside(&self) -> BTreeMap<JournalName, String> {
        self.files().aside.clone()
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open file of a journal in the store. A missing file counts as empty.
struct MemoryFile(MemoryStore, JournalName);

impl JournalStore for MemoryStore {
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>> {
        self.files().journals.insert(name, Vec::new());
        Ok(Box::new(MemoryFile(self.clone(), name)))
    }

    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>> {
        let mut file = MemoryFile(self.clone(), name);
        file.cut(bytes)?;
        Ok(Box::new(file))
    }

    fn list(&self) -> io::Result<Vec<StoredJournal>> {
        let stored = |(name, journal): (&JournalName, &Vec<u8>)| StoredJournal {
            name: *name,
            bytes: journal.len() as u64,
            // The store has no clock.
            modified: None,
            is_aside: false,
        };
        Ok(self.files().journals.iter().map(stored).collect())
    }

    fn read(&self, name: JournalName) -> io::Result<Vec<u8>> {
        self.files().journals.get(&name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_tail(&self, name: JournalName, max_bytes: usize) -> io::Result<Vec<u8>> {
        self.read(name).map(|mut bytes| bytes.split_off(bytes.len().saturating_sub(max_bytes)))
    }

    fn remove(&self, name: JournalName) -> io::Result<()> {
        self.files().journals.remove(&name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()> {
        self.remove(name)?;
        self.files().aside.insert(name, reason.to_owned());
        Ok(())
    }

    fn list_aside(&self) -> io::Result<Vec<StoredJournal>> {
        let stored =
            |name: &JournalName| StoredJournal { name: *name, bytes: 0, modified: None, is_aside: true };
        Ok(self.files().aside.keys().map(stored).collect())
    }

    fn remove_aside(&self, name: JournalName) -> io::Result<()> {
        self.files().aside.remove(&name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl JournalFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.files().journals.entry(self.1).or_default().extend(bytes);
        Ok(())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.0.files().journals.entry(self.1).or_default().truncate(bytes as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
