//! The messages of the control stream, in both directions, and their order.
//!
//! ```text
//! client                         server
//!   Hello ─────────────────────▶
//!         ◀───────────────────── Welcome            (or Closing, with the reason)
//!   Join ──────────────────────▶
//!         ◀───────────────────── Joined             (or JoinRefused: the connection stays, try another room)
//!         ◀───────────────────── SeatTaken, SeatLeft, Event, Chat …
//!   Leave, Chat, ListRooms ────▶
//!   Ack ───────────────────────▶                    (about once a second: the server need not retransmit these messages)
//!         ◀───────────────────── Closing            (before the server closes the connection)
//!   ClosingAck ────────────────▶                    (confirms that the reason arrived)
//! ```
//!
//! A *seat* is a player's place in a room. The server closes the connection with [`CloseReason::Malformed`] if the first message is not
//! `Hello`, and at a second `Hello` or a `Join` while the client has or awaits a seat. It ignores the other messages where they do not
//! apply, because the room may have closed while they were in flight.

use super::{
    bounded::{List, Text},
    close::CloseReason,
    encoding::{Decode, Encode},
    fingerprint::Fingerprint,
    seat_epoch::SeatEpoch,
    ticket::{Resume, Ticket},
};
use crate::{
    id::{PlayerId, RoomId, SeatId},
    limits::{
        MAX_CHAT_BYTES, MAX_EVENT_BYTES, MAX_GAME_NAME_BYTES, MAX_LISTED_ROOMS, MAX_NAME_BYTES,
        MAX_SENTENCE_BYTES,
    },
    tick::Tick,
};

/// A player's name. A name without a visible character is empty, and the server replaces it.
pub type Name = Text<MAX_NAME_BYTES>;

/// A control message from a client.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ClientMessage {
    /// Identifies the client. The first message, sent once.
    Hello(Hello),
    /// Requests the list of rooms. [`ServerMessage::Rooms`] answers it.
    ListRooms,
    /// Requests a seat in a room. [`ServerMessage::Joined`] or [`ServerMessage::JoinRefused`] answers it.
    Join(JoinTarget),
    /// Gives up the seat, or cancels a join that is not answered yet. The connection stays open.
    Leave,
    /// Sends a chat line to all seats of the room. The server drops it when it is busy.
    Chat(Text<MAX_CHAT_BYTES>),
    /// Acknowledges [`ServerMessage::Closing`]; the server may close the connection.
    ClosingAck,
    /// Acknowledges the room's messages ([`ServerMessage::Event`], `Chat`, `SeatTaken` and `SeatLeft`): the number of those that the client
    /// has received since it got its seat. A resume continues the count, but it restarts at 0 if the room was
    /// [restored](ServerMessage::Joined::restored). The server then need not keep these messages for a [`Resume`]. Sent about once a
    /// second while new messages arrive.
    Ack(u32),
}

/// The client's identity and build.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Hello {
    /// The [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the client's build.
    pub protocol: u16,
    /// The [`Game::NAME`](crate::game::Game::NAME) of the client's game.
    pub game: Text<MAX_GAME_NAME_BYTES>,
    /// The [`Game::REVISION`](crate::game::Game::REVISION) of the client's game.
    pub revision: u32,
    /// The fingerprint of the client's build, which must equal the server's.
    pub fingerprint: Fingerprint,
    /// The player's display name. Other players see it [cleaned](super::shown_text); the server replaces an empty one by a default.
    pub name: Name,
    /// The request to resume the seat of an earlier connection that was lost; `None` for a new player.
    pub resume: Option<Resume>,
}

/// The room to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum JoinTarget {
    /// The oldest room with a free seat, or a new room if all are full.
    Quick,
    /// The room with this id.
    Room(RoomId),
}

/// A control message from a server.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ServerMessage {
    /// The answer to a valid [`Hello`].
    Welcome {
        /// The client's player id on this server. A resumed player keeps its id.
        player: PlayerId,
        /// The tick rate of this server's rooms, in Hz.
        tick_rate: u16,
        /// The maximum number of snapshots per second to this client.
        send_rate: u16,
        /// The ticket with which the player can resume after a lost connection.
        ticket: Ticket,
        /// The time for which the room holds the seat of a lost connection, in milliseconds.
        hold_ms: u32,
        /// Whether the player resumes its earlier seat. If so, [`Self::Joined`] follows, and then the room's messages from the first
        /// unacknowledged one on. Before `Joined` the client sends nothing for the seat: no inputs and no [`ClientMessage::Ack`].
        resumed: bool,
    },
    /// The answer to [`ClientMessage::ListRooms`], with at most [`MAX_LISTED_ROOMS`] rooms.
    Rooms(List<RoomEntry, MAX_LISTED_ROOMS>),
    /// The client has a seat. Snapshots follow.
    Joined {
        /// The room of the seat.
        room: RoomId,
        /// The client's seat in the room.
        seat: SeatId,
        /// The number of seats in the room.
        seats: u16,
        /// The room's newest completed tick; the room assigned the seat during the next one.
        tick: Tick,
        /// The epoch that marks the inputs and snapshots of this seat.
        seat_epoch: SeatEpoch,
        /// The tick at which the server restored the room from its journal (the record of its ticks) after a restart; set only after a
        /// resume. All that the client received about later ticks is void. The seat's messages start again: the server sends the roster,
        /// and events and [`ClientMessage::Ack`] count from 0.
        restored: Option<Tick>,
    },
    /// The client gets no seat; the connection stays open, and another room may accept the client.
    JoinRefused {
        /// The reason for the refusal.
        reason: CloseReason,
        /// The explanation for the player, as a sentence.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
    /// A seat of the room has a new occupant. After a join, the server sends one for each occupied seat. Rooms with more than
    /// [`MAX_ROSTER_SEATS`](crate::limits::MAX_ROSTER_SEATS) seats send neither this message nor [`Self::SeatLeft`].
    SeatTaken {
        /// The seat that was taken.
        seat: SeatId,
        /// The occupant's name.
        name: Name,
        /// Whether the occupant is one of the server's bots.
        bot: bool,
    },
    /// A seat of the room is empty again.
    SeatLeft {
        /// The seat that is empty.
        seat: SeatId,
    },
    /// An event of the game, delivered exactly once and in order.
    Event {
        /// The number of the event among those that were sent to this seat, from 0 without gaps.
        sequence: u32,
        /// The tick of the event. The client shows the event when it displays this tick, which may be later.
        tick: Tick,
        /// The event in its bit encoding.
        payload: List<u8, MAX_EVENT_BYTES>,
    },
    /// A chat line from a seat of the room.
    Chat {
        /// The sender's seat.
        seat: SeatId,
        /// The text of the line.
        text: Text<MAX_CHAT_BYTES>,
    },
    /// The room closed, and the client has no seat any more. The connection stays open.
    RoomClosed {
        /// The reason for which the room closed.
        reason: CloseReason,
        /// The explanation for the player, as a sentence.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
    /// The last message before the server closes the connection.
    Closing {
        /// The reason for which the server closes the connection.
        reason: CloseReason,
        /// The explanation for the player, as a sentence.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
}

/// One room of a room list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RoomEntry {
    /// The room's id, for [`JoinTarget::Room`].
    pub id: RoomId,
    /// The number of seats in the room.
    pub seats: u16,
    /// The number of seats that players occupy.
    pub players: u16,
    /// The number of seats that bots occupy. Bots leave as players join.
    pub bots: u16,
}
