//! A player's session, over as many connections as it takes.
//!
//! - [`handle`]: the [`Client`](handle::Client) that a program holds.
//! - [`driver`]: the player's task. `state`: what it decides, pure.
//! - [`controller`]: the source of inputs and the receiver of events: a handle or a bot.
//! - `command`, `requests`: what a program asks for, and what has not been answered.
//! - `resume`: attempts at another connection while the seat is held.

mod command;
pub mod driver;
pub mod handle;
pub mod controller;
mod requests;
mod resume;
pub mod state;
