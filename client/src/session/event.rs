//! Client events: everything that a player receives from its server.

use std::sync::Arc;

use quarrel_shared::{
    game::Game,
    id::{RoomId, SeatId},
    protocol::{CloseReason, RoomEntry},
    snapshot::View,
    tick::{Tick, TickRate},
};

use crate::net::ending::Ending;

/// An event of a connection or of its room.
#[derive(Debug)]
pub enum ClientEvent<G: Game> {
    /// A newer view of the room.
    View(Arc<View<G::Entity>>),
    /// An event of the game. Each is delivered exactly once and in order, when the screen has reached its tick.
    Event {
        /// The tick in which it happened.
        tick: Tick,
        /// The game's event.
        event: G::Event,
    },
    /// The player has a seat.
    Joined(Joined),
    /// The connection broke. The server holds the seat while the client connects again.
    Interrupted,
    /// The player has its seat back on another connection, and no event is missing.
    ///
    /// If the server restarted meanwhile, it restored the room from its journal: [`Joined::restored`] is the tick of the restored
    /// state. What was received of later ticks, up to the crash, did not happen, so discard what you concluded from it: views, events
    /// and scores continue from that tick and may differ. Waiting events up to that tick are delivered before this one; later events
    /// that had not arrived by the crash are lost, though views show their results. The screen starts empty until the first snapshot,
    /// and the occupied seats are sent again as [`SeatTaken`](Self::SeatTaken).
    Resumed(Joined),
    /// The server refused a seat. Another room may have one.
    JoinRefused {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
    /// The answer to a request for the list of rooms.
    Rooms(Vec<RoomEntry>),
    /// A seat of the room is taken, now or before this player joined.
    SeatTaken {
        /// The seat.
        seat: SeatId,
        /// The occupant's name.
        name: String,
        /// True for one of the server's bots.
        bot: bool,
    },
    /// The occupant of a seat left.
    SeatLeft {
        /// The seat.
        seat: SeatId,
    },
    /// A chat line from the room.
    Chat {
        /// The sender's seat.
        seat: SeatId,
        /// The line.
        text: String,
    },
    /// The room has closed. The connection stays open.
    RoomClosed {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
    /// The connection has ended. This is the last event.
    Closed(Ending),
}

/// A seat in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The room.
    pub room: RoomId,
    /// The player's seat.
    pub seat: SeatId,
    /// The number of seats in the room.
    pub seats: u16,
    /// The room's tick when it gave the seat.
    pub tick: Tick,
    /// The room's tick rate.
    pub rate: TickRate,
    /// The tick to which a restarted server restored the room; `None` if it did not restart. The room may have run on since: see
    /// [`Self::tick`]. What was received of later ticks, up to the crash, did not happen.
    pub restored: Option<Tick>,
}
