//! What a program may ask of its connection while the [`Driver`](crate::session::driver::Driver) runs it.

use quarrel_shared::{
    limits::MAX_CHAT_BYTES,
    protocol::{JoinTarget, bounded::Text},
};

/// What a connection can be asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Ask for a seat; the answer is [`ClientEvent::Joined`](crate::ClientEvent::Joined) or
    /// [`ClientEvent::JoinRefused`](crate::ClientEvent::JoinRefused).
    Join(JoinTarget),
    /// Ask which rooms there are; the answer is [`ClientEvent::Rooms`](crate::ClientEvent::Rooms).
    ListRooms,
    /// Give the seat up and stay connected.
    Leave,
    /// Say something to everybody in the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// Break the connection and come back for the seat over another one, as after a router's reboot.
    Reconnect,
    /// End the connection. So does dropping the sender.
    Close,
}
