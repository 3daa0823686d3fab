//! What keeps journals. Handed in, so that a simulated server keeps them in memory.

use std::{io, time::SystemTime};

use quarrel_shared::journal::block::{TRAILER_BYTES, read_trailer};

use super::name::JournalName;

/// A place for journals.
pub trait JournalStore: Send + Sync + 'static {
    /// A new file; one that is there already is begun anew.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create(&self, name: JournalName) -> io::Result<Box<dyn JournalFile>>;

    /// A file that is there, to go on behind its first so many bytes.
    ///
    /// # Errors
    /// When it cannot be opened or cut.
    fn reopen(&self, name: JournalName, bytes: u64) -> io::Result<Box<dyn JournalFile>>;

    /// All journals that are there, in the order of their names.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self) -> io::Result<Vec<Kept>>;

    /// A whole journal.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than [`JOURNAL_BYTES`](quarrel_shared::journal::block::JOURNAL_BYTES).
    fn read(&self, name: JournalName) -> io::Result<Vec<u8>>;

    /// A journal's last bytes, at most so many.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_tail(&self, name: JournalName, most: usize) -> io::Result<Vec<u8>>;

    /// Whether a journal's room is over, so that nobody goes on with it. One that cannot be read may be needed.
    fn has_end(&self, name: JournalName) -> bool {
        self.read_tail(name, TRAILER_BYTES).is_ok_and(|tail| read_trailer(&tail).is_some())
    }

    /// Deletes a journal.
    ///
    /// # Errors
    /// When it cannot be deleted.
    fn remove(&self, name: JournalName) -> io::Result<()>;

    /// Puts a journal that cannot be used where nobody takes it for one that can, and the reason beside it.
    ///
    /// # Errors
    /// When it cannot be moved.
    fn set_aside(&self, name: JournalName, reason: &str) -> io::Result<()>;

    /// All journals that were set aside.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list_aside(&self) -> io::Result<Vec<Kept>>;

    /// Deletes a journal that was set aside, and the reason.
    ///
    /// # Errors
    /// When it cannot be deleted.
    fn remove_aside(&self, name: JournalName) -> io::Result<()>;
}

/// One journal's file.
pub trait JournalFile: Send + 'static {
    /// Appends bytes, all of them or an unknown part.
    ///
    /// # Errors
    /// When not all of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts everything behind the first so many bytes.
    ///
    /// # Errors
    /// When it cannot be cut.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;

    /// Makes sure that it outlives the machine, as far as that can be done.
    ///
    /// # Errors
    /// When it may not.
    fn sync(&mut self) -> io::Result<()>;
}

/// A journal that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub name: JournalName,
    /// Its size.
    pub bytes: u64,
    /// When it was written to last, or was set aside; `None` in a store that knows no time.
    pub modified: Option<SystemTime>,
    /// Whether it was set aside.
    pub is_aside: bool,
}
