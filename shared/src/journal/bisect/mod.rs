//! Bisection: finds the first tick at which a journal and a game, or two journals of one setup, diverge, and shows what
//! differs.
//!
//! - [`single`]: one journal against its own checksums, played by this build.
//! - [`pair`]: two journals against each other: a binary search over their common checkpoints, then tick by tick.
//!
//! Two journals are searched because diverged states stay different: a difference spreads into all later states. One journal is
//! played from its beginning instead: each segment begins with a recorded state, so a fault in one segment does not show in the
//! later ones, and there is nothing to search by.

mod named;
pub mod pair;
pub mod single;

#[cfg(test)]
mod tests;

pub use self::{
    pair::{Cause, CompareError, Comparison, FirstDifference, Search, bisect_pair},
    single::{Diagnosis, ReplayFault, bisect_one},
};
