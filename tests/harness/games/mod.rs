//! Games with faults that tests trigger.
//!
//! - [`fickle`]: a game that is nondeterministic from a chosen tick on.
//! - [`levers`]: a game whose inputs make it panic, emit events or end the match.
//! - [`throng`]: a game with more updates in every tick than a datagram holds.

pub mod fickle;
pub mod levers;
pub mod throng;

pub use self::{
    fickle::{Fickle, FickleSettings, Flaw, Needle, Push},
    levers::{Lever, Levers, Peg, Shout},
    throng::{Dancer, Nod, Throng, ThrongSettings},
};
