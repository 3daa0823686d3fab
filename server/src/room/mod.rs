//! Rooms: a room runs one game world for the players in its seats.
//!
//! A room is a deterministic state machine ([`state`]) that one task ([`task`]) steps at the tick rate. A room knows no sockets and no
//! datagram sizes: it receives commands through its inbox, and publishes immutable frames. A *seat* is a numbered place for one player or
//! bot. A *frame* has all entities after a tick, from which sessions encode snapshots.
//!
//! Modules without I/O; their callers pass the time:
//! - [`state`]: the game, its seats, and the entries (inputs and seat changes) of the next tick.
//! - [`seat`]: a taken seat and its occupant.
//! - [`input_buffer`]: a jitter buffer of one seat's inputs, at most one for each tick.
//! - [`margin`]: the earliness of a seat's inputs.
//! - [`bots`]: the number of a room's bots, and their inputs.
//! - [`sync_test`]: a development mode that makes each step twice and compares the results.
//! - [`clock`]: the schedule of the room's steps.
//! - `send_schedule`: the choice of the ticks that become frames.
//! - `journal_schedule`: the times at which recorded ticks are submitted to the storage, and the interval of checkpoints.
//! - [`restored`]: restores a room from its journal.
//!
//! The parts of a running room:
//! - [`task`]: the task that waits for the tick, steps the state and sends.
//! - [`inbox`]: the channels between sessions and the room.
//! - `seat_channel`: the room's end of the channels of one seat.
//! - [`shared_event`]: a game event that is encoded once for all seats.
//! - [`journal`]: the room's journal, for replays and for the next run of the server.
//! - [`mark`]: an operator's mark in the journal.
//! - `results`: the results of finished matches, until the storage has accepted them.
//! - [`opening`]: opens a new or a restored room.
//! - [`parts`]: the settings and services from which a room is made.
//! - [`status`]: a room's numbers, which others read without a message to its task.

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
