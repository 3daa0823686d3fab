//! The lobby: the way of players to seats in rooms, and back to a seat after their connection was lost.
//!
//! - [`directory`]: all rooms of this server, and the only place that opens one.
//! - [`matchmaker`]: the choice of a room for a quick join. Has no I/O.
//! - [`tickets`]: signed resume tickets. Has no I/O.
//! - [`registry_state`]: the state machine of players: the session that has a player, or the time for which the seat is held. Has no I/O.
//! - [`registry`]: the state machine of players behind a lock, for sessions.
//! - [`players`]: the list of connected players, for the admin HTTP server.

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
