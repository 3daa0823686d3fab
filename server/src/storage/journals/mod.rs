//! Where rooms' journals go. Rooms hand pieces in and never wait; one task packs and writes them.
//!
//! - [`store`]: what keeps files: a folder, or memory.
//! - [`folder`]: the folder.
//! - [`memory`]: memory, for simulated servers.
//! - [`name`]: what a journal's file is called.
//! - [`handle`]: a room's end of it.
//! - [`task`]: the queue between, and what becomes of a journal whose disk does not keep up.
//! - [`retention`]: which journals are kept for how long. Pure.
//! - [`sweep`]: the others are deleted.
//! - [`unread`]: that results may be where nobody could read them.

pub mod folder;
pub mod handle;
pub mod memory;
pub mod name;
pub mod retention;
pub mod store;
pub mod sweep;
pub mod task;
pub mod unread;

pub use self::{
    folder::Folder,
    handle::{JournalHandle, Journals},
    memory::MemoryStore,
    name::JournalName,
    store::{JournalFile, JournalStore, Kept},
    task::start,
    unread::Unread,
};
