//! Commands to a running [`Driver`](crate::Driver).

use quarrel_shared::{
    limits::MAX_CHAT_BYTES,
    protocol::{JoinTarget, bounded::Text},
};

/// A command to a player's driver.
#[derive(Clone, Debug)]
pub enum ClientCommand {
    /// Request a seat: a place in a room. The answer is [`ClientEvent::Joined`](crate::ClientEvent::Joined) or
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
