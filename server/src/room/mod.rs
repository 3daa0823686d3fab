//! One world and those who play in it.
//!
//! A room is a deterministic state machine ([`state`]) that one task ([`task`]) steps at its tick rate. It knows no sockets, no
//! bytes on the wire and no datagram sizes: commands come in by [`inbox`], one immutable frame a tick goes out.
//!
//! - [`state`]: the world, its seats and the entries of its next tick. Pure.
//! - [`sync_test`]: each step made twice, for development. Pure.
//! - [`seat`]: a place in the room and who holds it.
//! - [`input_buffer`]: early inputs wait there, so that each tick finds exactly one. Pure.
//! - [`margin`]: how early a seat's inputs come. Pure.
//! - [`bots`]: how many bots a room keeps, and what they see. Pure.
//! - [`clock`]: when to step. Pure.
//! - `send_rate`: which ticks become frames. Pure.
//! - [`inbox`]: what sessions say to a room and hear from it.
//! - `link`: how a seat's session is reached.
//! - [`status`]: what others may know of a room without asking it.
//! - [`task`]: the thin part that waits, steps and hands on.

pub mod bots;
pub mod clock;
pub mod inbox;
pub mod input_buffer;
mod link;
pub mod margin;
pub mod seat;
mod send_rate;
pub mod state;
pub mod status;
pub mod sync_test;
pub mod task;

pub use self::{
    clock::RoomClock,
    inbox::{Presence, RoomCommand, RoomEvent, RoomHandle, Seated},
    seat::HeldFighter,
    state::RoomState,
    status::RoomStatus,
    task::{RoomServices, RoomSpec},
};
