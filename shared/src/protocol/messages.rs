//! The messages of the control stream.
//!
//! ```text
//! client                         server
//!   Hello ─────────────────────▶
//!         ◀───────────────────── Welcome            (or Closing, with the reason)
//!   Join ──────────────────────▶
//!         ◀───────────────────── Joined             (or JoinRefused: the connection stays, try another room)
//!         ◀───────────────────── SeatTaken, SeatLeft, Event, Chat …
//!   Leave, Chat, ListRooms ────▶
//!   Ack ───────────────────────▶                    (about once a second: messages that a Resume need not retransmit)
//!         ◀───────────────────── Closing            (before the server closes the connection)
//!   ClosingAck ────────────────▶                    (confirms that the reason arrived)
//! ```

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
    /// The first message, sent once.
    Hello(Hello),
    /// Requests the list of rooms.
    ListRooms,
    /// Requests a seat in a room.
    Join(JoinTarget),
    /// Gives up the seat; the connection stays open.
    Leave,
    /// A chat line for all seats of the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// Acknowledges [`ServerMessage::Closing`]; the server may close the connection.
    ClosingAck,
    /// Acknowledges the room's messages (events, chat, seats taken and left): the number received since the
    /// [`ServerMessage::Joined`] with which their count began. The server need not keep them for a [`Resume`]. Sent about once a
    /// second while new messages arrive.
    Ack(u32),
}

/// The client's identity and build.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the client's build.
    pub protocol: u16,
    /// [`Game::NAME`](crate::game::Game::NAME) of the client's game.
    pub game: Text<MAX_GAME_NAME_BYTES>,
    /// [`Game::REVISION`](crate::game::Game::REVISION) of the client's game.
    pub revision: u32,
    /// The fingerprint of the client's build, which must equal the server's.
    pub fingerprint: Fingerprint,
    /// The name that the player wants. Others see it [cleaned](super::shown_text).
    pub name: Name,
    /// The resume ticket of a player whose earlier connection was lost.
    pub resume: Option<Resume>,
}

/// The room to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum JoinTarget {
    /// The first room with a free seat, or a new one.
    Quick,
    /// The room with this id.
    Room(RoomId),
}

/// A control message from a server.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ServerMessage {
    /// The answer to a valid [`Hello`].
    Welcome {
        /// The client's player id on this server.
        player: PlayerId,
        /// The tick rate of this server's rooms, in Hz.
        tick_rate: u16,
        /// The maximum number of snapshots per second to this client.
        send_rate: u16,
        /// The ticket with which the player can resume after a lost connection.
        ticket: Ticket,
        /// The time for which the seat of a lost connection is held, in milliseconds.
        hold_ms: u32,
        /// Whether the player resumed its earlier seat: [`Self::Joined`] follows, and then the room's messages from the first
        /// unacknowledged one. Until `Joined` a client sends nothing for the seat: no inputs and no [`ClientMessage::Ack`].
        resumed: bool,
    },
    /// The answer to [`ClientMessage::ListRooms`], with at most [`MAX_LISTED_ROOMS`] rooms.
    Rooms(List<RoomEntry, MAX_LISTED_ROOMS>),
    /// The client has a seat. Snapshots follow.
    Joined {
        /// The room.
        room: RoomId,
        /// The client's seat in it.
        seat: SeatId,
        /// The number of seats in the room.
        seats: u16,
        /// The room's newest completed tick; the room assigned the seat during the next one.
        tick: Tick,
        /// The epoch that marks datagrams and keyframes of this seat.
        seat_epoch: SeatEpoch,
        /// Set only after a resume: the server restarted and restored the room from its journal, as it was at this tick. Messages
        /// about later ticks are void. The seat's messages restart there: the roster is sent again, events count from 0, and so
        /// does [`ClientMessage::Ack`].
        restored: Option<Tick>,
    },
    /// The client gets no seat; the connection stays open, and another room may accept the client.
    JoinRefused {
        /// The reason for the refusal.
        reason: CloseReason,
        /// The explanation for the player.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
    /// A seat of the room has a new occupant. After a join, one for each occupied seat.
    SeatTaken {
        /// The seat.
        seat: SeatId,
        /// The occupant's name.
        name: Name,
        /// Whether the occupant is one of the server's bots.
        bot: bool,
    },
    /// A seat of the room is empty again.
    SeatLeft {
        /// The seat.
        seat: SeatId,
    },
    /// An event of the game, delivered exactly once and in order.
    Event {
        /// The number of this client's event in this room, from 0, without a gap.
        sequence: u32,
        /// The tick of the event: show it when the view has reached this tick.
        tick: Tick,
        /// The bit-encoded event.
        payload: List<u8, MAX_EVENT_BYTES>,
    },
    /// A chat line from a seat of the room.
    Chat {
        /// The sender's seat.
        seat: SeatId,
        /// The line.
        text: Text<MAX_CHAT_BYTES>,
    },
    /// The room closed; the connection stays open.
    RoomClosed {
        /// The reason for which the room closed.
        reason: CloseReason,
        /// The explanation for the player.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
    /// The last message before the server closes the connection.
    Closing {
        /// The reason for which the connection closes.
        reason: CloseReason,
        /// The explanation for the player.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
}

/// One room of a room list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RoomEntry {
    /// Its id, for [`JoinTarget::Room`].
    pub id: RoomId,
    /// The number of its seats.
    pub seats: u16,
    /// The number of players on them.
    pub players: u16,
    /// The number of bots on them; bots leave as players join.
    pub bots: u16,
}
