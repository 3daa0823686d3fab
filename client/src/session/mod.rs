//! A player's session, over as many connections as it takes.
//!
//! - `handle`: the [`Client`](handle::Client) that a program holds.
//! - `driver`: the task that runs a session. `state`: its pure state machine.
//! - `controller`: the source of inputs and the receiver of events: a handle or a bot. `event`: the events.
//! - `command`: commands to a running driver. `requests`: those that the server has not answered yet.
//! - `resume`: attempts at another connection while the seat is held.

pub(crate) mod command;
pub(crate) mod controller;
pub(crate) mod driver;
pub(crate) mod event;
pub(crate) mod handle;
mod requests;
mod resume;
mod state;
