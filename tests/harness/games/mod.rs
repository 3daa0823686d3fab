//! Games that exist for tests.
//!
//! - [`levers`]: a game that does what a test wants.
//! - [`throng`]: a game with more news than a datagram holds.

pub mod levers;
pub mod throng;

pub use self::{
    levers::{Lever, Levers, Peg, Shout},
    throng::{Dancer, Nod, Throng},
};
