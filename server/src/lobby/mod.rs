//! How players get to rooms.
//!
//! - [`directory`]: every room of this server, and the only place that opens one.
//! - [`matchmaker`]: which room a player goes to. Pure.
//! - [`tickets`]: what a player shows who comes back. Pure.
//! - [`held`]: who is connected, whose seat waits for them, and who gets it. Pure.
//! - [`registry`]: the same behind a lock, for sessions.
//! - [`players`]: who is connected, for the operator.

pub mod directory;
pub mod held;
pub mod registry;
pub mod matchmaker;
pub mod players;
pub mod tickets;

pub use self::{
    directory::Directory,
    registry::SessionRegistry,
    players::{PlayerEntry, Players},
};
