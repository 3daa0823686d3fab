//! An operator's mark in a room's journal: a tick and a reason. `quarrel replay slice --around` cuts the part around a mark out of a
//! journal.

use quarrel_shared::tick::Tick;
use tokio::sync::oneshot;

use crate::storage::journals::{JournalName, OutageReason};

/// A command to mark the newest tick.
pub struct MarkCommand {
    /// The operator's reason. The caller bounds its length.
    pub reason: String,
    /// The channel for the reply. If it is dropped without a reply, the room has ended.
    pub reply: oneshot::Sender<Result<MarkReceipt, MarkError>>,
}

/// The receipt of a mark that the journal has accepted and the storage will write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkReceipt {
    /// The tick after which the mark is placed.
    pub tick: Tick,
    /// The journal that contains the mark.
    pub journal: JournalName,
    /// The mark's number in the journal, counted from 1, as `quarrel replay slice --around` takes it.
    pub number: u32,
}

/// A reason why a mark was not placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The room does not exist, or has ended.
    #[error("no such room")]
    NoRoom,
    /// The room's inbox is full; a retry may succeed.
    #[error("the room's inbox is full; try again in a moment")]
    Busy,
    /// The room has no journal.
    #[error("the room has no journal; see journal.write")]
    NoJournal,
    /// The journal has a gap at the newest tick: ticks that are not recorded. The room tries to resume the journal once a second.
    #[error(
        "the room's journal has a gap at this tick, because {0}; the room tries to resume the journal once a second"
    )]
    Gap(OutageReason),
}
