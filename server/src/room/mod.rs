//! Rooms: a room runs one game world for the players in its seats.
//!
//! A room is a deterministic state machine ([`state`]) that one task ([`task`]) steps at the tick rate. It does not deal with
//! sockets or datagram sizes: it receives commands through its inbox, publishes immutable frames to all sessions, and queues events for each
//! seat. A *seat* is a numbered place for one player or bot. A *frame* is the room after one tick: all entities, and the part that each seat
//! may see. Sessions encode snapshots from it. With a send rate below the tick rate, not every tick becomes a frame.
//!
//! Modules without I/O and without a clock, which get the time as an argument:
//! - [`state`]: the game, its seats, the entries (inputs and seat changes) of the newest tick, and the seat changes that wait for the next
//!   one.
//! - [`seat`]: a taken seat and its occupant.
//! - `seats`: all seats, with sets of the empty ones and of the bots'.
//! - [`input_buffer`]: a jitter buffer that holds at most one input of a seat for each tick.
//! - [`margin`]: the earliness of a seat's inputs.
//! - [`bots`]: the number of a room's bots, and their inputs.
//! - `chat`: the chat lines of a room, delivered at a bounded rate.
//! - [`sync_test`]: a development mode that runs each step on two copies of the game and compares the results.
//! - [`clock`]: the schedule of the room's steps.
//! - `send_schedule`: the choice of the ticks that become frames.
//! - `journal_schedule`: the times at which recorded ticks and checkpoints are submitted to the storage, and at which a refused
//!   journal is tried again.
//! - [`restored`]: restores a room from its journal.
//!
//! The running room, with its task and channels:
//! - [`task`]: the task that waits for the tick, steps the state and sends.
//! - `blocking`: long work that must not delay other rooms.
//! - [`inbox`]: the channels between sessions and the room.
//! - `seat_channel`: the room's end of the channels of one seat.
//! - [`shared_event`]: a game event that is encoded once for all seats.
//! - [`journal`]: the room's journal, for replays and for the next run of the server.
//! - [`mark`]: an operator's bookmark of the newest tick in the journal, with a reason.
//! - `results`: keeps the results of finished matches until the storage has accepted them.
//! - [`opening`]: opens a new or a restored room.
//! - [`parts`]: the settings, services and prepared objects from which a room's task is created.
//! - [`status`]: a room's figures, such as its tick and its players, which other tasks read without a message to the room's task.

mod blocking;
pub mod bots;
mod chat;
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
mod seats;
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
