//! The phases of a session: which message is allowed when, and the request that it makes. Pure.

use quarrel_shared::{
    limits::MAX_CHAT_BYTES,
    protocol::{ClientMessage, CloseReason, Hello, JoinTarget, bounded::Text},
};

use super::end::CloseNotice;

/// The phase of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPhase {
    /// Connected, and the hello has not arrived yet.
    AwaitingHello,
    /// Welcomed, without a seat.
    Lobby,
    /// Waiting for the answer to a join.
    Joining,
    /// On a seat.
    Seated,
}

/// The request that a client's message makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Log in.
    Login(Hello),
    /// Send the list of rooms.
    ListRooms,
    /// Take a seat.
    Join(JoinTarget),
    /// Leave the seat, or cancel the join.
    Leave,
    /// Send a chat line to the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// Stop keeping messages up to this count for retransmission.
    Ack(u32),
    /// Do nothing.
    Nothing,
}

impl SessionPhase {
    /// Processes a message: moves to the next phase, and returns the request.
    ///
    /// # Errors
    /// When the message is out of order. The client is defective, and the session must end.
    pub fn receive(&mut self, message: ClientMessage) -> Result<Request, CloseNotice> {
        match (*self, message) {
            (Self::AwaitingHello, ClientMessage::Hello(hello)) => {
                *self = Self::Lobby;
                Ok(Request::Login(hello))
            }
            (Self::AwaitingHello, _) => Err(out_of_order("something before its hello")),
            (_, ClientMessage::Hello(_)) => Err(out_of_order("a second hello")),
            (_, ClientMessage::ListRooms) => Ok(Request::ListRooms),
            (Self::Lobby, ClientMessage::Join(target)) => {
                *self = Self::Joining;
                Ok(Request::Join(target))
            }
            (_, ClientMessage::Join(_)) => Err(out_of_order("a join while it has or awaits a seat")),
            // A leave while joining cancels the join.
            (Self::Seated | Self::Joining, ClientMessage::Leave) => {
                *self = Self::Lobby;
                Ok(Request::Leave)
            }
            (Self::Seated, ClientMessage::Chat(text)) => Ok(Request::Chat(text)),
            (Self::Seated, ClientMessage::Ack(count)) => Ok(Request::Ack(count)),
            // The room may have closed while the message was under way, which is no fault of the client.
            (
                _,
                ClientMessage::Leave
                | ClientMessage::Chat(_)
                | ClientMessage::ClosingAck
                | ClientMessage::Ack(_),
            ) => Ok(Request::Nothing),
        }
    }

    /// Records the answer to a join.
    pub const fn joined(&mut self, seated: bool) {
        *self = if seated { Self::Seated } else { Self::Lobby };
    }

    /// Records that the seat was taken away.
    pub const fn unseated(&mut self) {
        *self = Self::Lobby;
    }
}

fn out_of_order(what: &str) -> CloseNotice {
    let sentence = format!("The client sent {what}; it is broken or speaks another protocol. Update it.");
    CloseNotice { reason: CloseReason::Malformed, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_before_the_hello_is_refused() {
        let notice = SessionPhase::AwaitingHello.receive(ClientMessage::ListRooms).unwrap_err();
        assert_eq!(notice.reason, CloseReason::Malformed);
    }

    #[test]
    fn a_session_has_one_seat_at_a_time() {
        let mut phase = SessionPhase::Lobby;
        let join = || ClientMessage::Join(JoinTarget::Quick);
        assert_eq!(phase.receive(join()), Ok(Request::Join(JoinTarget::Quick)));
        assert!(phase.receive(join()).is_err(), "a second join during the first is refused");
        phase.joined(false);
        assert!(phase.receive(join()).is_ok(), "a refused join may be repeated");
        phase.joined(true);
        assert_eq!(phase.receive(ClientMessage::Leave), Ok(Request::Leave));
        assert!(phase.receive(join()).is_ok());
    }

    #[test]
    fn messages_for_a_room_that_has_just_closed_are_ignored() {
        let chat = ClientMessage::Chat(Text::lossy("hello?"));
        assert_eq!(SessionPhase::Lobby.receive(chat), Ok(Request::Nothing));
        let ack = ClientMessage::Ack(7);
        assert_eq!(SessionPhase::Lobby.receive(ack), Ok(Request::Nothing));
    }
}
