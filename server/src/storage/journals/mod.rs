//! The storage of rooms' journals. Rooms submit chunks without waiting; one task encodes and writes them.
//!
//! - [`store`]: the traits of a place for files.
//! - [`folder`]: files in a folder.
//! - [`memory`]: files in memory, for simulated servers.
//! - [`name`]: file names.
//! - [`handle`]: a room's handle of its journal.
//! - [`task`]: the task behind the queue, and the handling of disk outages.
//! - [`retention`]: the choice of journals to delete. Pure.
//! - [`sweep`]: the deletion of old journals.
//! - [`incomplete_read`]: a flag for results that may be in unreadable journals.

pub mod folder;
pub mod handle;
pub mod incomplete_read;
pub mod memory;
pub mod name;
pub mod retention;
pub mod store;
pub mod sweep;
pub mod task;

pub use self::{
    folder::FolderStore,
    handle::{JournalHandle, Journals, OutageReason},
    incomplete_read::IncompleteRead,
    memory::MemoryStore,
    name::JournalName,
    store::{JournalFile, JournalStore, StoredJournal},
    task::start,
};
