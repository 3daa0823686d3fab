//! The inputs of a player on their way to the server: the times at which they are sent, and the number of their repetitions. Nothing here
//! reads a clock or does I/O: times are arguments.
//!
//! - `clock`: computes the time at which each tick's input is sent.
//! - `margin`: measures the earliness of inputs at the server, and computes the earliness that they need.
//! - `inputs`: the newest inputs of the seat, and the datagram that carries them.
//! - `redundancy`: the number of inputs that each datagram repeats.
//! - `slip`: detects ticks that the server skipped after a stall, so that the clock can pause for them.

pub(crate) mod clock;
pub(crate) mod inputs;
pub(crate) mod margin;
pub(crate) mod redundancy;
pub(crate) mod slip;
