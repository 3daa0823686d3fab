//! What is said on the control stream.
//!
//! ```text
//! client                         server
//!   Hello ─────────────────────▶
//!         ◀───────────────────── Welcome            (or Closing, with the reason)
//!   Join ──────────────────────▶
//!         ◀───────────────────── Joined             (or JoinRefused: the connection stays, try another room)
//!         ◀───────────────────── SeatTaken, SeatLeft, Event, Chat …
//!   Leave, Chat, ListRooms ────▶
//!   Ack ─────────────────────▶                    (now and then: what a Resume need not bring again)
//!         ◀───────────────────── Closing            (before the server closes)
//!   ClosingAck ───────────────▶                    (so that the reason is known to have arrived)
//! ```

use super::{
    bounded::{List, Text},
    close::CloseReason,
    codec::{Decode, Encode},
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

/// What a player is called.
pub type Name = Text<MAX_NAME_BYTES>;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ClientMessage {
    /// The first message, once.
    Hello(Hello),
    /// Which rooms are there?
    ListRooms,
    /// A seat, please.
    Join(JoinTarget),
    /// Gives the seat up and stays connected.
    Leave,
    /// To everybody in the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// The reason in [`ServerMessage::Closing`] arrived: close now.
    ClosingAck,
    /// How many of the room's messages (events, chat, who comes and goes) arrived since the [`ServerMessage::Joined`] with which
    /// the seat's story began: they need not be kept for a [`Resume`]. Said about once a second while there is news.
    Ack(u32),
}

/// Who is there, and which build they speak with.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the client's build.
    pub protocol: u16,
    /// [`Game::NAME`](crate::game::Game::NAME) of the client's game.
    pub game: Text<MAX_GAME_NAME_BYTES>,
    /// [`Game::REVISION`](crate::game::Game::REVISION) of the client's game.
    pub revision: u32,
    /// What must be equal on both ends.
    pub fingerprint: Fingerprint,
    /// What the player wants to be called.
    pub name: Name,
    /// For a player who was here already and whose connection broke.
    pub resume: Option<Resume>,
}

/// Which room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum JoinTarget {
    /// The first room with a seat, else a new one.
    Quick,
    /// This one.
    Room(RoomId),
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ServerMessage {
    /// The answer to a good [`Hello`].
    Welcome {
        /// Who the client is on this server.
        player: PlayerId,
        /// Steps a second in this server's rooms.
        tick_rate: u16,
        /// Snapshots a second to this client, at most.
        send_rate: u16,
        /// What brings the player back, should this connection break.
        ticket: Ticket,
        /// For how long a seat is held for them then, in milliseconds.
        hold_ms: u32,
        /// Whether they are back on the seat that they had: [`Self::Joined`] follows, and then the room's messages from the
        /// first that was not heard. Until then a client says nothing of the seat: no inputs, and no [`ClientMessage::Ack`].
        resumed: bool,
    },
    /// The answer to [`ClientMessage::ListRooms`], at most [`MAX_LISTED_ROOMS`] of them.
    Rooms(List<RoomEntry, MAX_LISTED_ROOMS>),
    /// The seat is yours. Snapshots follow.
    Joined {
        /// The room.
        room: RoomId,
        /// The place in it.
        seat: SeatId,
        /// How many seats it has.
        seats: u16,
        /// The newest tick that the room had made; it was making the next one when it gave the seat.
        tick: Tick,
        /// What datagrams and keyframes of this seat are marked with.
        seat_epoch: SeatEpoch,
        /// Only on the way back to a seat: the server was started again and brought the room back from its journal, as it was at
        /// this tick. What the client was told of later ones did not happen. The seat's story begins anew there: the roster is
        /// told, events count from 0, and so does [`ClientMessage::Ack`].
        restored: Option<Tick>,
    },
    /// No seat; the connection stays, another room may do.
    JoinRefused {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
    /// Somebody sits down in your room; said of everybody there when you come in.
    SeatTaken {
        /// Where.
        seat: SeatId,
        /// What they are called.
        name: Name,
        /// Whether it is one of the server's bots.
        bot: bool,
    },
    /// Somebody stood up.
    SeatLeft {
        /// From where.
        seat: SeatId,
    },
    /// A fact of the game, each exactly once, in order.
    Event {
        /// Counts this client's events in this room, from 0, without a gap.
        sequence: u32,
        /// When it happened: show it when the view has reached this tick.
        tick: Tick,
        /// The game's event, bit-coded.
        payload: List<u8, MAX_EVENT_BYTES>,
    },
    /// Somebody in the room says something.
    Chat {
        /// Who.
        seat: SeatId,
        /// What.
        text: Text<MAX_CHAT_BYTES>,
    },
    /// The room is gone; the connection stays.
    RoomClosed {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
    /// The connection ends after this.
    Closing {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: Text<MAX_SENTENCE_BYTES>,
    },
}

/// One room, as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RoomEntry {
    /// Its id, for [`JoinTarget::Room`].
    pub id: RoomId,
    /// How many seats it has.
    pub seats: u16,
    /// People on them.
    pub players: u16,
    /// Bots on them; they make way for people.
    pub bots: u16,
}
