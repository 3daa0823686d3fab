//! The control of a driver: the commands that it takes, and the controller of its seat, which receives the events of the connection and
//! returns one input per tick.
//!
//! The connection's task owns its controller and calls it directly, so nothing is copied or queued in between. A bot is a
//! controller that runs a bot behaviour (brain); the controller of a [`Client`](crate::Client) forwards events to a program in
//! another task. All times count from the driver's [`epoch`](crate::Driver::epoch).

use std::{
    ops::{AddAssign, ControlFlow},
    time::Duration,
};

use quarrel_shared::{
    game::Game,
    limits::MAX_CHAT_BYTES,
    protocol::{CloseReason, JoinTarget, bounded::Text, datagram::SnapshotHeader},
};
use quarrel_transport::traffic::Traffic;

use crate::{
    input::clock::InputSlot,
    session::event::ClientEvent,
    view::{baseline::SnapshotCounts, screen::Drawn},
};

/// A command to a running [`Driver`](crate::Driver).
#[derive(Clone, Debug)]
pub enum ClientCommand {
    /// Request a seat. The answer is [`ClientEvent::Joined`](crate::ClientEvent::Joined) or
    /// [`ClientEvent::JoinRefused`](crate::ClientEvent::JoinRefused).
    Join(JoinTarget),
    /// Request the list of rooms. The answer is [`ClientEvent::Rooms`](crate::ClientEvent::Rooms).
    ListRooms,
    /// Give the seat up and stay connected.
    Leave,
    /// Send a chat line to the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// Break the connection and resume the seat on another one, as after a reboot of the router.
    Reconnect,
    /// End the connection. Dropping the sender of the command channel does the same.
    Close,
}

/// The source of one seat's inputs and the receiver of its events.
pub trait Controller<G: Game>: Send {
    /// Returns the seat's input for the slot's tick. `drawn` is the drawn state: other entities a little in the past, the seat's own
    /// entities predicted; `None` before the seat's first snapshot.
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<G::Entity>>) -> G::Input;

    /// Receives the header of an applied snapshot and the connection's current round trip. The view follows as a
    /// [`ClientEvent::View`].
    fn on_snapshot(&mut self, _header: &SnapshotHeader, _now: Duration, _rtt: Duration) {}

    /// Called when a snapshot moves the seat's own entities from their predicted positions. `by` is the largest distance, in 1/256
    /// unit.
    fn on_correction(&mut self, _by: u32, _now: Duration) {}

    /// Called about once a second while the player has a seat, and once more if the last connection ends with a seat. `counts` are
    /// totals; `traffic` is the UDP traffic since the last call, or since the player got the seat.
    fn on_counts(&mut self, _counts: &ConnectionCounts, _traffic: Traffic, _now: Duration) {}

    /// Receives an event. Returning `Break` ends the connection with this reason as its close code.
    fn on_event(&mut self, event: ClientEvent<G>, now: Duration) -> ControlFlow<CloseReason>;
}

/// Totals of what one player received, over all of its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Snapshots by result.
    pub snapshots: SnapshotCounts,
    /// Game events that never arrived. Anything but 0 is a bug in the client or the server.
    pub events_lost: u64,
    /// Game events that arrived again. Anything but 0 is a bug in the client or the server.
    pub events_doubled: u64,
    /// Connections that broke and were replaced by another connection.
    pub resumes: u64,
}

impl AddAssign for ConnectionCounts {
    fn add_assign(&mut self, other: Self) {
        self.snapshots += other.snapshots;
        self.events_lost += other.events_lost;
        self.events_doubled += other.events_doubled;
        self.resumes += other.resumes;
    }
}
