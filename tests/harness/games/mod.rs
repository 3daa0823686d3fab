//! Games that exist for tests.
//!
//! - [`levers`]: a game that does what a test wants.

pub mod levers;

pub use self::levers::{Lever, Levers, Peg, Shout};
