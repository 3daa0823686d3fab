//! The entries through which everything that changes a room passes: `state(t+1) = step(state(t), entries(t))`.
//!
//! Replays, desync checks, crash resume and hand-over are all this, written down and played again.

pub mod entry;

pub use self::entry::{Entries, SeatChange};
