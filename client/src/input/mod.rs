//! The way up: which inputs are sent, and when. Pure.
//!
//! - [`clock`]: when to send the input of which tick.
//! - [`margin`]: how early inputs are to arrive.
//! - [`inputs`]: the recent inputs, for repetition and prediction.
//! - [`redundancy`]: how many recent inputs each datagram repeats.
//! - `slip`: detects a server that stood still.

pub mod clock;
pub mod inputs;
pub mod margin;
pub mod redundancy;
pub(crate) mod slip;
