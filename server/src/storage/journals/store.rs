//! The traits of a store for journals and of an open file in it, so that a simulated server can keep journals in memory.

use std::{io, time::SystemTime};

use quarrel_shared::journal::block::{TRAILER_BYTES, read_trailer};

use super::name::JournalName;

/// A store for journals. All methods may block on the disk.
pub trait JournalStore: Send + Sync + 'static {
    /// Creates the file of a journal, or truncates an existing one.
    ///
    /// # Errors
    /// When the file cannot be created.
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>>;

    /// Opens the existing file of a journal to append to it, after cutting it to this length.
    ///
    /// # Errors
    /// When the file cannot be opened or cut.
    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>>;

    /// Lists all journals that were not set aside, ordered by name.
    ///
    /// # Errors
    /// When the journals cannot be listed.
    fn list(&self) -> io::Result<Vec<StoredJournal>>;

    /// Reads all bytes of a journal.
    ///
    /// # Errors
    /// When the journal cannot be read, or is larger than [`MAX_JOURNAL_BYTES`](quarrel_shared::journal::block::MAX_JOURNAL_BYTES); the
    /// latter has the kind [`FileTooLarge`](io::ErrorKind::FileTooLarge).
    fn read(&self, name: JournalName) -> io::Result<Vec<u8>>;

    /// Reads the last `max_bytes` of a journal, or all of a shorter one.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn read_tail(&self, name: JournalName, max_bytes: usize) -> io::Result<Vec<u8>>;

    /// Whether the journal has an end, so that no run restores its room. False when the journal cannot be read, because a later run may
    /// need it.
    fn has_end(&self, name: JournalName) -> bool {
        self.read_tail(name, TRAILER_BYTES).is_ok_and(|tail| read_trailer(&tail).is_some())
    }

    /// Deletes a journal.
    ///
    /// # Errors
    /// When the journal cannot be deleted.
    fn remove(&self, name: JournalName) -> io::Result<()>;

    /// Sets a journal aside because it can never restore its room: moves it out of the list, and keeps the reason with it.
    ///
    /// # Errors
    /// When the journal cannot be moved.
    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()>;

    /// Lists all journals that were set aside.
    ///
    /// # Errors
    /// When these journals cannot be listed.
    fn list_aside(&self) -> io::Result<Vec<StoredJournal>>;

    /// Deletes a journal that was set aside, and its reason.
    ///
    /// # Errors
    /// When the journal or the reason cannot be deleted.
    fn remove_aside(&self, name: JournalName) -> io::Result<()>;
}

/// The open file of a journal.
pub trait JournalFile: Send + 'static {
    /// Appends bytes.
    ///
    /// # Errors
    /// When it is uncertain that all bytes are written; the file then contains an unknown part of them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to this length.
    ///
    /// # Errors
    /// When the file cannot be cut.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;

    /// Flushes the file and its entry in the folder to the disk, so that the content survives a power loss.
    ///
    /// # Errors
    /// When the flush failed, so that a power loss may lose content.
    fn sync(&mut self) -> io::Result<()>;
}

/// The metadata of a stored journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredJournal {
    /// The name of the journal.
    pub name: JournalName,
    /// The size of the journal in bytes.
    pub bytes: u64,
    /// The time of the last write, or the time when the journal was set aside; `None` in a store without a clock.
    pub modified: Option<SystemTime>,
    /// Whether the journal was set aside.
    pub is_aside: bool,
}
