//! Client events: all that a player's program or bot receives from the library.

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
    /// An event of the game. Each is delivered exactly once and in order, when the displayed tick (that of the other entities in the
    /// drawn picture) has reached its tick, or when the seat is given up.
    Event {
        /// The tick in which the event happened.
        tick: Tick,
        /// The game's event.
        event: G::Event,
    },
    /// The player has a new seat.
    Joined(Joined),
    /// The connection broke. The server holds the seat, and the client connects again.
    Interrupted,
    /// The player has its seat back on another connection. Unless the server restarted, no event is missing.
    ///
    /// If the server restarted meanwhile, it restored the room from its journal: [`Joined::restored`] is the tick of the restored
    /// state. The ticks after it, up to the crash, did not happen: discard what you concluded from their views and events, such as
    /// scores. Views and events continue from the restored tick and may differ. Events up to that tick that had arrived are delivered
    /// before this one; those that had not arrived are lost, though views show their results. The drawn state is empty until the first
    /// snapshot, and the occupied seats are sent again as [`SeatTaken`](Self::SeatTaken).
    Resumed(Joined),
    /// The server refused the request for a seat. Another room may have a free seat.
    JoinRefused {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
    /// The list of the server's rooms, as requested.
    Rooms(Vec<RoomEntry>),
    /// A seat of the room has an occupant, since now or since before this player joined. Rooms with more than
    /// [`MAX_ROSTER_SEATS`](quarrel_shared::limits::MAX_ROSTER_SEATS) seats send neither this event nor `SeatLeft`.
    SeatTaken {
        /// The number of the taken seat in its room.
        seat: SeatId,
        /// The occupant's name.
        name: String,
        /// Whether the occupant is one of the server's bots.
        bot: bool,
    },
    /// The occupant of a seat left.
    SeatLeft {
        /// The number of the seat that is free or a bot's again.
        seat: SeatId,
    },
    /// A chat line from the room.
    Chat {
        /// The sender's seat.
        seat: SeatId,
        /// The line.
        text: String,
    },
    /// The room closed, or the server no longer holds the seat of a broken connection. The connection stays open.
    RoomClosed {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
    /// The connection has ended. This is the last event.
    Closed(Ending),
}

/// A player's seat in a room, as the server assigned or restored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The id of the room, by which other players can join it.
    pub room: RoomId,
    /// The player's seat.
    pub seat: SeatId,
    /// The number of seats in the room.
    pub seats: u16,
    /// The room's newest completed tick when it assigned the seat.
    pub tick: Tick,
    /// The room's tick rate.
    pub rate: TickRate,
    /// The tick to which a restarted server restored the room; `None` if the server did not restart. The ticks after it, up to the
    /// crash, did not happen. The room may have continued since the restore: see [`Self::tick`].
    pub restored: Option<Tick>,
}
