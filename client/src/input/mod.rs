//! Client to server: the inputs to send, and the schedule by which they are sent. Has no clock and no I/O: times are arguments.
//!
//! - `clock`: the schedule: the time at which each tick's input is sent.
//! - `margin`: the time by which inputs should arrive early at the server.
//! - `inputs`: the recent inputs, which each datagram repeats.
//! - `redundancy`: the number of inputs that each datagram repeats.
//! - `slip`: detects ticks that the server skipped after a stall.

pub(crate) mod clock;
pub(crate) mod inputs;
pub(crate) mod margin;
pub(crate) mod redundancy;
pub(crate) mod slip;
