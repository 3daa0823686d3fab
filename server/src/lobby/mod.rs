//! How players get to rooms.
//!
//! - [`directory`]: every room of this server, and the only place that opens one.
//! - [`matchmaker`]: which room a player goes to. Pure.
//! - [`players`]: who is connected, for the operator.

pub mod directory;
pub mod matchmaker;
pub mod players;

pub use self::{
    directory::Directory,
    players::{PlayerEntry, Players},
};
