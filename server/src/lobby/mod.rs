//! The lobby: how players get to rooms, and back to their seats.
//!
//! - [`directory`]: every room of this server, and the only place that opens one.
//! - [`matchmaker`]: the choice of a room for a quick join. Pure.
//! - [`tickets`]: signed resume tickets. Pure.
//! - [`registry_state`]: live sessions, held seats, and the hand-over of a seat from one session to the next. Pure.
//! - [`registry`]: the same behind a lock, for sessions.
//! - [`players`]: the list of connected players, for the admin plane.

pub mod directory;
pub mod matchmaker;
pub mod players;
pub mod registry;
pub mod registry_state;
pub mod tickets;

pub use self::{
    directory::{Directory, RestoredPlayer},
    players::{PlayerEntry, PlayerList},
    registry::SessionRegistry,
};
