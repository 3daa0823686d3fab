//! Bisection: finds the first tick at which a journal and a game, or two journals of one setup, diverge, and shows what
//! differs.
//!
//! - [`single`]: compares the states that this build plays with the checksums in one journal.
//! - [`pair`]: compares two journals: a binary search over their common checkpoints, then tick by tick.
//!
//! A binary search over two journals is possible because diverged states stay different: a difference spreads into all later states. A
//! single journal is played from its start instead: each segment starts with a recorded state, so a fault in one segment does not show
//! in the later ones.

mod named;
pub mod pair;
pub mod single;

#[cfg(test)]
mod tests;

pub use self::{
    pair::{Cause, CompareError, Comparison, FirstDifference, Search, bisect_pair},
    single::{Diagnosis, ReplayFault, bisect_one},
};
