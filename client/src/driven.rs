//! How a player's connections went, when all is over.

use crate::{pilot::Ending, session::LinkCounts};

/// What is left of a player: what they saw, how it ended, and what it took.
#[derive(Debug)]
pub struct Driven<P> {
    /// The pilot, with all that it has seen.
    pub pilot: P,
    /// How it ended.
    pub ending: Ending,
    /// What became of all that the server sent.
    pub counts: LinkCounts,
    /// UDP payload bytes received since the seat was given.
    pub bytes_down: u64,
    /// UDP payload bytes sent since the seat was given.
    pub bytes_up: u64,
}

/// UDP payload bytes each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the server to this player.
    pub down: u64,
    /// From this player to the server.
    pub up: u64,
}

impl Traffic {
    /// What came on top of `before`.
    pub(crate) const fn since(self, before: Self) -> Self {
        Self { down: self.down.saturating_sub(before.down), up: self.up.saturating_sub(before.up) }
    }
}
