//! Server to client: from snapshots to the entities that a game draws. Has no clock and no I/O: times are arguments.
//!
//! The *displayed time* is the time in the room at which other players' entities are drawn, a little in the past; the *displayed tick*
//! is the newest tick up to that time.
//!
//! - [`baseline`]: decodes snapshots into views.
//! - `events`: game events, delivered once, in order, when the displayed tick has reached theirs.
//! - `screen`: the drawn state, made of the parts below.
//! - `playout`: the displayed time. `interpolation`: other players' entities between two snapshots.
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
