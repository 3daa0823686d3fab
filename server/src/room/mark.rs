//! A moment of a room that an operator marks in its journal: what to cut out of it later, and why.

use quarrel_shared::tick::Tick;
use tokio::sync::oneshot;

use crate::storage::journals::{JournalName, handle::Refused};

/// A request to mark the newest tick.
pub struct MarkRequest {
    /// Why, in the operator's words; whoever asks has bounded it.
    pub reason: String,
    /// Where the answer goes. Dropped: the room is gone.
    pub reply: oneshot::Sender<Result<MarkReceipt, MarkError>>,
}

/// A mark that is on its way to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkReceipt {
    /// After which tick it stands.
    pub tick: Tick,
    /// In which journal.
    pub journal: JournalName,
    /// The how many-th of that journal, counted from 1: what `quarrel replay slice --around` takes.
    pub number: u32,
}

/// Why a moment was not marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// There is no such room, or it is over.
    #[error("no such room")]
    NoRoom,
    /// Its inbox is full. Trying again is right.
    #[error("the room's inbox is full; try again in a moment")]
    Busy,
    /// It is not written down.
    #[error("the room is not written down; see journal.write")]
    NoJournal,
    /// Its journal has a gap, in which this moment lies. It is tried again each second.
    #[error("the room's journal has a gap here, as {0}; it is tried again each second")]
    Gap(Refused),
}
