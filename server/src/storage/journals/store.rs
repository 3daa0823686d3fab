//! The traits of a place for journals, so that a simulated server can keep them in memory.

use std::{io, time::SystemTime};

use quarrel_shared::journal::block::{TRAILER_BYTES, read_trailer};

use super::name::JournalName;

/// A place for journals.
pub trait JournalStore: Send + Sync + 'static {
    /// Creates a file, or truncates an existing one.
    ///
    /// # Errors
    /// When it cannot be created.
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>>;

    /// Opens an existing file and cuts it to this length, to append to it.
    ///
    /// # Errors
    /// When it cannot be opened or cut.
    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>>;

    /// Lists all journals, ordered by name.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self) -> io::Result<Vec<StoredJournal>>;

    /// Reads a whole journal.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than [`MAX_JOURNAL_BYTES`](quarrel_shared::journal::block::MAX_JOURNAL_BYTES).
    fn read(&self, name: JournalName) -> io::Result<Vec<u8>>;

    /// Reads at most `max_bytes` from the end of a journal.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_tail(&self, name: JournalName, max_bytes: usize) -> io::Result<Vec<u8>>;

    /// Whether the journal's room has ended, so that no run restores it. False when it cannot be read, because it may be
    /// needed.
    fn has_end(&self, name: JournalName) -> bool {
        self.read_tail(name, TRAILER_BYTES).is_ok_and(|tail| read_trailer(&tail).is_some())
    }

    /// Deletes a journal.
    ///
    /// # Errors
    /// When it cannot be deleted.
    fn remove(&self, name: JournalName) -> io::Result<()>;

    /// Moves a journal that cannot be used out of the list, with the reason beside it.
    ///
    /// # Errors
    /// When it cannot be moved.
    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()>;

    /// Lists all journals that were set aside.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list_aside(&self) -> io::Result<Vec<StoredJournal>>;

    /// Deletes a journal that was set aside, and its reason.
    ///
    /// # Errors
    /// When it cannot be deleted.
    fn remove_aside(&self, name: JournalName) -> io::Result<()>;
}

/// The open file of a journal.
pub trait JournalFile: Send + 'static {
    /// Appends bytes: all of them, or after an error an unknown part.
    ///
    /// # Errors
    /// When not all of them may be written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to this length.
    ///
    /// # Errors
    /// When it cannot be cut.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;

    /// Flushes the file to the disk, so that it survives a power loss.
    ///
    /// # Errors
    /// When it may not survive.
    fn sync(&mut self) -> io::Result<()>;
}

/// The metadata of a stored journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredJournal {
    /// Its name.
    pub name: JournalName,
    /// Its size in bytes.
    pub bytes: u64,
    /// The time of its last write, or when it was set aside; `None` in a store without a clock.
    pub modified: Option<SystemTime>,
    /// Whether it was set aside.
    pub is_aside: bool,
}
