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
//! - [`journal`]: the room written down, for replays and for the next run of the server.
//! - `pace`: when the journal is handed in. Pure.
//! - `link`: how a seat's session is reached.
//! - [`mark`]: a moment that an operator marks in the journal.
//! - `results`: finished matches, until the storage has them.
//! - [`opening`]: how a room begins: new, or where its journal left off.
//! - [`restored`]: a room as its journal left it. Pure.
//! - [`status`]: what others may know of a room without asking it.
//! - [`task`]: the thin part that waits, steps and hands on.

pub mod bots;
pub mod clock;
pub mod inbox;
pub mod input_buffer;
pub mod journal;
mod link;
pub mod margin;
pub mod mark;
pub mod opening;
mod pace;
pub mod restored;
mod results;
pub mod seat;
mod send_rate;
pub mod state;
pub mod status;
pub mod sync_test;
pub mod task;

pub use self::{
    clock::RoomClock,
    inbox::{Presence, RoomCommand, RoomEvent, RoomHandle, SeatHandle},
    journal::JournalServices,
    mark::{MarkReceipt, MarkError},
    opening::{RoomServices, RoomSpec},
    restored::RestoredRoom,
    seat::HeldSeatPolicy,
    state::RoomState,
    status::RoomStatus,
};
