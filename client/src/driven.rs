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
#[derive(Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) down: u64,
    pub(crate) up: u64,
}
