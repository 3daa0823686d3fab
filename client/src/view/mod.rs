//! The way down: from snapshots to what a player sees. Pure.
//!
//! - [`baseline`]: snapshots to views.
//! - [`events`]: events, delivered once, in order, at the tick that is drawn.
//! - [`screen`]: the drawn state, made of the parts below.
//! - [`playout`]: the tick that is drawn. [`interpolation`]: other players' entities between two snapshots.
//! - [`prediction`]: the player's own entities ahead of the server. [`matching`]: pairs predicted entities with confirmed ones.
//!   [`correction`]: eases prediction errors away.

pub mod baseline;
pub mod correction;
pub mod events;
pub mod interpolation;
pub mod matching;
pub mod playout;
pub mod prediction;
pub mod screen;
