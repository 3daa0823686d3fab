//! Which message is allowed when, and what it asks for. Pure.

use quarrel_shared::{
    limits::MAX_CHAT_BYTES,
    protocol::{ClientMessage, CloseReason, Hello, JoinTarget, bounded::Text},
};

use super::ending::Refusal;

/// Where a session stands in its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// Connected; the hello is missing.
    Greeting,
    /// Welcomed; in no room.
    Lobby,
    /// Asked for a seat.
    Joining,
    /// On a seat.
    Seated,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// To be let in.
    Enter(Hello),
    /// The list of rooms.
    ListRooms,
    /// A seat.
    Join(JoinTarget),
    /// To stand up.
    Leave,
    /// To say something to the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// To keep so many of the room's messages no longer.
    Heard(u32),
    /// Nothing.
    Nothing,
}

impl Conversation {
    /// Hears a message.
    ///
    /// # Errors
    /// When it is out of order: the client is broken, and there is no way on.
    pub fn hear(&mut self, message: ClientMessage) -> Result<Request, Refusal> {
        match (*self, message) {
            (Self::Greeting, ClientMessage::Hello(hello)) => {
                *self = Self::Lobby;
                Ok(Request::Enter(hello))
            }
            (Self::Greeting, _) => Err(out_of_order("something before its hello")),
            (_, ClientMessage::Hello(_)) => Err(out_of_order("a second hello")),
            (_, ClientMessage::ListRooms) => Ok(Request::ListRooms),
            (Self::Lobby, ClientMessage::Join(target)) => {
                *self = Self::Joining;
                Ok(Request::Join(target))
            }
            (_, ClientMessage::Join(_)) => Err(out_of_order("a join while it has or awaits a seat")),
            // Leaving while the seat is on its way gives it up as soon as it comes.
            (Self::Seated | Self::Joining, ClientMessage::Leave) => {
                *self = Self::Lobby;
                Ok(Request::Leave)
            }
            (Self::Seated, ClientMessage::Chat(text)) => Ok(Request::Chat(text)),
            (Self::Seated, ClientMessage::Ack(count)) => Ok(Request::Heard(count)),
            // The room may have closed while these were on their way: no fault of the client's.
            (
                _,
                ClientMessage::Leave
                | ClientMessage::Chat(_)
                | ClientMessage::ClosingAck
                | ClientMessage::Ack(_),
            ) => Ok(Request::Nothing),
        }
    }

    /// The room answered a join.
    pub const fn joined(&mut self, seated: bool) {
        *self = if seated { Self::Seated } else { Self::Lobby };
    }

    /// The seat is gone.
    pub const fn unseated(&mut self) {
        *self = Self::Lobby;
    }
}

fn out_of_order(what: &str) -> Refusal {
    let sentence = format!("The client sent {what}; it is broken or speaks another protocol. Update it.");
    Refusal { reason: CloseReason::Malformed, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_heard_before_the_hello() {
        let refused = Conversation::Greeting.hear(ClientMessage::ListRooms).unwrap_err();
        assert_eq!(refused.reason, CloseReason::Malformed);
    }

    #[test]
    fn one_seat_at_a_time() {
        let mut conversation = Conversation::Lobby;
        let join = || ClientMessage::Join(JoinTarget::Quick);
        assert_eq!(conversation.hear(join()), Ok(Request::Join(JoinTarget::Quick)));
        assert!(conversation.hear(join()).is_err(), "a second join while the first is on its way");
        conversation.joined(false);
        assert!(conversation.hear(join()).is_ok(), "a refused join may be tried again");
        conversation.joined(true);
        assert_eq!(conversation.hear(ClientMessage::Leave), Ok(Request::Leave));
        assert!(conversation.hear(join()).is_ok());
    }

    #[test]
    fn what_crosses_the_end_of_its_room_is_no_fault() {
        let chat = ClientMessage::Chat(Text::lossy("hello?"));
        assert_eq!(Conversation::Lobby.hear(chat), Ok(Request::Nothing));
        let heard = ClientMessage::Ack(7);
        assert_eq!(Conversation::Lobby.hear(heard), Ok(Request::Nothing), "nor is what was heard there");
    }
}
