//! The storage of journals: the recordings of rooms, from which a room can be restored or played again.
//!
//! A room submits chunks (ticks, checkpoints and annotations, see [`quarrel_shared::journal`]) without waiting. One task encodes the
//! chunks as blocks and writes them to files.
//!
//! - [`store`]: the traits of a store for journals and of an open file in it.
//! - [`folder`]: a store in a folder on disk.
//! - [`memory`]: a store in memory, for simulated servers.
//! - [`name`]: file names.
//! - [`handle`]: a room's handle of its journal.
//! - [`task`]: the task that writes journals and handles disk outages.
//! - [`retention`]: the choice of journals to delete; has no I/O.
//! - [`sweep`]: the deletion of old journals.
//! - [`incomplete_read`]: a flag that a journal with possibly missing results could not be read.

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
