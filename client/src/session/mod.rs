//! A player's session: one after another, the connections of a player to a server, and the seat in a room that outlives them.
//!
//! - `handle`: the [`Client`](handle::Client) that a program holds.
//! - `driver`: the task that runs a session. `state`: the session's state machine, which has no I/O.
//! - `controller`: the commands to a running driver, and the source of its inputs: a handle or a bot. `event`: the events.
//! - `requests`: requests that the server has not answered yet.
//! - `resume`: attempts at another connection while the seat is held.

pub(crate) mod controller;
pub(crate) mod driver;
pub(crate) mod event;
pub(crate) mod handle;
mod requests;
mod resume;
mod state;
