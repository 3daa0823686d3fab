//! A seat's controller: receives everything that the server sends and returns one input per tick.
//!
//! The connection's task owns its controller and calls it directly, so nothing is copied or queued in between. A bot is a
//! controller with a brain; [`Client`](crate::Client) is one that forwards everything to a program in another task.
//! All times count from the driver's [`epoch`](crate::Driver::epoch).

use std::{
    ops::{AddAssign, ControlFlow},
    time::Duration,
};

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, datagram::SnapshotHeader},
};
use quarrel_transport::traffic::Traffic;

use crate::{
    input::clock::InputSlot,
    session::event::ClientEvent,
    view::{baseline::SnapshotCounts, screen::Drawn},
};

/// The decisions of one seat.
pub trait Controller<G: Game>: Send {
    /// Returns the seat's input for the slot's tick. `drawn` is what its screen shows: other entities a little in the past, its own
    /// entities predicted; `None` before the first snapshot.
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<G::Entity>>) -> G::Input;

    /// Receives the header of an applied snapshot and the connection's current round trip. The view follows as a
    /// [`ClientEvent::View`].
    fn on_snapshot(&mut self, _header: &SnapshotHeader, _now: Duration, _rtt: Duration) {}

    /// Called when a snapshot moves the seat's own entities from where they were predicted. `by` is the largest distance, in 1/256
    /// unit.
    fn on_correction(&mut self, _by: u32, _now: Duration) {}

    /// Called about once a second while there is a seat, and when it is given up. `counts` are totals; `traffic` is the UDP traffic
    /// since the last call.
    fn on_counts(&mut self, _counts: &ConnectionCounts, _traffic: Traffic, _now: Duration) {}

    /// Receives an event. `Break` ends the connection with this reason as its close code.
    fn on_event(&mut self, event: ClientEvent<G>, now: Duration) -> ControlFlow<CloseReason>;
}

/// Totals of what one player received, over all of its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Snapshots by result.
    pub snapshots: SnapshotCounts,
    /// Events that never arrived: a bug in the client or the server.
    pub events_lost: u64,
    /// Events that arrived twice: a bug in the client or the server.
    pub events_doubled: u64,
    /// Broken connections that another connection replaced.
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
