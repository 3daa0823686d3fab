//! Where a journal and a game, or two journals of one beginning, part: the first tick, what differs, and what went into that tick.
//!
//! - [`mod@alone`]: a journal against its own checksums, played by this build.
//! - [`mod@pair`]: two journals against each other: a binary search over the checkpoints that both have, then tick by tick.
//!
//! Two journals are searched because states that have parted stay apart: whatever differs in a state finds its way into all that
//! follows. One journal is played from its beginning instead: each segment begins with what the room had, so a fault in one of them
//! says nothing of those behind it, and there is nothing to search by.

pub mod alone;
pub mod pair;

#[cfg(test)]
mod tests;

pub use self::{
    alone::{Again, Fault, alone},
    pair::{BeginningError, Cause, Comparison, Parting, Search, pair},
};

/// How many differences are named: what fits on a screen beside the rest.
const MOST_NAMED: usize = 16;
