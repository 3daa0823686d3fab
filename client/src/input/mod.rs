//! Client to server: which inputs are sent, and when. Pure: times are arguments.
//!
//! - `clock`: the schedule: which tick's input is sent when.
//! - `margin`: how early inputs should arrive at the server.
//! - `inputs`: the recent inputs, which each datagram repeats.
//! - `redundancy`: how many of them it repeats.
//! - `slip`: detects a server that stalled and skipped ticks.

pub(crate) mod clock;
pub(crate) mod inputs;
pub(crate) mod margin;
pub(crate) mod redundancy;
pub(crate) mod slip;
