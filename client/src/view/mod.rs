//! Server to client: from snapshots to what a player sees. Pure: times are arguments.
//!
//! - [`baseline`]: snapshots to views.
//! - `events`: game events, delivered once, in order, when the screen has reached their tick.
//! - `screen`: the drawn state, made of the parts below.
//! - `playout`: the time that is drawn. `interpolation`: other players' entities between two snapshots.
//! - `prediction`: the player's own entities ahead of the server. `matching`: pairs predicted entities with confirmed ones.
//!   `correction`: eases prediction errors.

pub mod baseline;
pub(crate) mod correction;
pub(crate) mod events;
pub(crate) mod interpolation;
pub(crate) mod matching;
pub(crate) mod playout;
pub(crate) mod prediction;
pub(crate) mod screen;
