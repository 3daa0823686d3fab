//! The way of a player's inputs to the server: when they are sent, and how often they are repeated. Nothing here
//! reads a clock or does I/O: times are arguments.
//!
//! - `clock`: computes the time at which each tick's input is sent.
//! - `margin`: measures how early inputs arrive at the server, and computes how early they should.
//! - `inputs`: the newest inputs of the seat, and the datagram that carries them.
//! - `redundancy`: the number of inputs that each datagram repeats.
//! - `slip`: detects ticks that the server skipped after a stall, so that the clock can pause for them.

pub(crate) mod clock;
pub(crate) mod inputs;
pub(crate) mod margin;
pub(crate) mod redundancy;
pub(crate) mod slip;
