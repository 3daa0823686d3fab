//! One world and its players.
//!
//! A room is a deterministic state machine ([`state`]) that one task ([`task`]) steps at its tick rate. It knows no sockets and no
//! datagram sizes: commands come in by [`inbox`], and one immutable frame per tick goes out.
//!
//! - [`state`]: the world, its seats and the entries of its next tick. Pure.
//! - [`sync_test`]: a development mode that makes each step twice and compares. Pure.
//! - [`seat`]: a place in the room and its occupant.
//! - [`input_buffer`]: a jitter buffer of one seat's inputs, at most one for each tick. Pure.
//! - [`margin`]: how early a seat's inputs arrive. Pure.
//! - [`bots`]: the number of bots in a room, and their views. Pure.
//! - [`clock`]: when to step. Pure.
//! - `send_schedule`: which ticks become frames. Pure.
//! - [`inbox`]: the channels between sessions and the room.
//! - [`shared_event`]: a game event, encoded once for all seats.
//! - [`journal`]: the room's journal, for replays and for the next run of the server.
//! - `journal_schedule`: when the journal is handed in, and the distance of its checkpoints. Pure.
//! - `seat_channel`: the room's end of a seat's channels.
//! - [`mark`]: an operator's mark in the journal.
//! - `results`: finished matches, until the storage has them.
//! - [`opening`]: how a room begins: new, or where its journal left off.
//! - [`restored`]: a room as its journal left it. Pure.
//! - [`status`]: a room's numbers, readable without asking its task.
//! - [`task`]: the task that waits, steps and sends.

pub mod bots;
pub mod clock;
pub mod inbox;
pub mod input_buffer;
pub mod journal;
mod journal_schedule;
pub mod margin;
pub mod mark;
pub mod opening;
pub mod parts;
pub mod restored;
mod results;
pub mod seat;
mod seat_channel;
mod send_schedule;
pub mod shared_event;
pub mod state;
pub mod status;
pub mod sync_test;
pub mod task;

pub use self::{
    clock::RoomClock,
    inbox::{Presence, RoomCommand, RoomEvent, RoomHandle, SeatHandle},
    journal::JournalServices,
    mark::{MarkError, MarkReceipt},
    parts::{RoomServices, RoomSpec},
    restored::RestoredRoom,
    seat::HeldSeatPolicy,
    shared_event::SharedEvent,
    state::RoomState,
    status::RoomStatus,
};
