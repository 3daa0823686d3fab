//! Games that exist for tests.
//!
//! - [`fickle`]: a game that is not deterministic from a tick on.
//! - [`levers`]: a game that does what a test wants.
//! - [`throng`]: a game with more news than a datagram holds.

pub mod fickle;
pub mod levers;
pub mod throng;

pub use self::{
    fickle::{Fickle, FickleSettings, Flaw, Needle, Push},
    levers::{Lever, Levers, Peg, Shout},
    throng::{Dancer, Nod, Throng, ThrongSettings},
};
