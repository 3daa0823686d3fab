//! What drives a seat: it is told what happens and answers, once a tick, what the seat wants.
//!
//! The connection's task owns a controller and calls it; nothing in between is copied or queued. A bot is a controller with a brain,
//! and [`Client`](crate::session::handle::Client) is one that hands everything over to a program elsewhere.
//! Moments are the time since the connection's start.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use quarrel_shared::{
    game::Game,
    id::{PlayerId, RoomId, SeatId},
    protocol::{CloseReason, RoomEntry, Ticket, datagram::SnapshotHeader},
    snapshot::View,
    tick::{Tick, TickRate},
};

use crate::{input::clock::Slot, session::state::ConnectionCounts, view::screen::Drawn};
use quarrel_transport::{end, traffic::Traffic};

/// Who decides.
pub trait Controller<G: Game>: Send {
    /// What the seat wants at the slot's tick. `drawn` is what its screen shows: others a little in the past, its own things
    /// predicted; `None` before the first snapshot.
    fn input(&mut self, slot: Slot, drawn: Option<&Drawn<G::Entity>>) -> G::Input;

    /// The head of a snapshot that was applied, and the round trip as the connection has measured it; the view follows as a
    /// [`ClientEvent::View`].
    fn on_snapshot(&mut self, _header: &SnapshotHeader, _now: Duration, _rtt: Duration) {}

    /// A snapshot showed that the seat's own things are not where they were predicted, but so far (1/256 unit) away.
    fn on_correction(&mut self, _by: u32, _now: Duration) {}

    /// Told about once a second while there is a seat, and when it is given up: what became of all that the server sent until now, and
    /// the UDP payload since the last time.
    fn on_counts(&mut self, _counts: &ConnectionCounts, _traffic: Traffic, _now: Duration) {}

    /// Something happened. To break off ends the connection, with this reason as its close code.
    fn on(&mut self, happening: ClientEvent<G>, now: Duration) -> ControlFlow<CloseReason>;
}

/// All that a server tells a player. An event comes when the screen has reached its tick.
#[derive(Debug)]
pub enum ClientEvent<G: Game> {
    /// A newer view of the room.
    View(Arc<View<G::Entity>>),
    /// A fact of the game, each exactly once, in order.
    Event {
        /// When it happened.
        tick: Tick,
        /// What.
        event: G::Event,
    },
    /// The seat is ours.
    Joined(Joined),
    /// The connection broke; another one is being made, and the seat is held meanwhile.
    Interrupted,
    /// The seat is ours again, on another connection. Nothing of its story is missing, unless the server was started again
    /// meanwhile and has brought the room back from its journal: then [`Joined::restored`] says to which tick, and what came after
    /// that did not happen. Views, events and scores go on from there, and may differ from those that were shown before: forget what
    /// you concluded from those. All that is drawn begins anew, dark until the first snapshot; who sits in the room is told again;
    /// events that waited to be shown are told first, as far as they happened before it. What had not arrived by the crash is not
    /// told, but for its traces in the views.
    Resumed(Joined),
    /// No seat. Another room may do.
    JoinRefused {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: String,
    },
    /// The rooms that were asked for.
    Rooms(Vec<RoomEntry>),
    /// Somebody sits down in our room, or sat there before us.
    SeatTaken {
        /// Where.
        seat: SeatId,
        /// What they are called.
        name: String,
        /// Whether it is one of the server's bots.
        bot: bool,
    },
    /// Somebody stood up.
    SeatLeft {
        /// From where.
        seat: SeatId,
    },
    /// Somebody in the room says something.
    Chat {
        /// Who.
        seat: SeatId,
        /// What.
        text: String,
    },
    /// The room is gone; the connection stays.
    RoomClosed {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: String,
    },
    /// The connection is gone; nothing follows.
    Closed(Ending),
}

/// What the server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Who we are on this server.
    pub player: PlayerId,
    /// Steps a second in its rooms.
    pub tick_rate: TickRate,
    /// Snapshots a second to us, at most.
    pub send_rate: u16,
    /// What brings us back, should the connection break.
    pub ticket: Ticket,
    /// For how long our seat is held then.
    pub hold: Duration,
    /// Whether we are back on the seat that we had.
    pub resumed: bool,
}

/// A seat in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The room.
    pub room: RoomId,
    /// The place in it.
    pub seat: SeatId,
    /// How many seats it has.
    pub seats: u16,
    /// The room's tick when the seat was given.
    pub tick: Tick,
    /// The room's steps a second.
    pub rate: TickRate,
    /// On the way back to a seat whose server was started again: the tick at which its room was brought back. What was told of
    /// later ones, up to the crash, did not happen. The room may have gone on since: `tick` says how far.
    pub restored: Option<Tick>,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This side asked for it.
    Left,
    /// One of the two ends closed it, and said why.
    Closed {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: String,
    },
    /// It broke: silence, a reset, a server of another kind.
    Lost(String),
}

impl Ending {
    /// Whether the connection broke and nobody wanted it to: the seat is held, and there may be another connection. A server that
    /// heard nothing for long closes as it gives up, and holds the seat all the same; so does one that starts again.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Closed { reason, .. } => end::is_loss(*reason),
            Self::Left => false,
        }
    }

    /// A name for reports: the close reason's, or `lost`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Left => CloseReason::Left.name(),
            Self::Closed { reason, .. } => reason.name(),
            Self::Lost(_) => "lost",
        }
    }
}
