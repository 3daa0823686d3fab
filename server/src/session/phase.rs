//! The phases of a session: which message a client may send when, and what each message requests. Has no I/O.

use quarrel_shared::{
    limits::MAX_CHAT_BYTES,
    protocol::{ClientMessage, CloseReason, Hello, JoinTarget, bounded::Text},
};

use super::end::CloseNotice;

/// The phase of a session, as far as the control messages have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPhase {
    /// The client is connected, and its hello has not arrived yet.
    AwaitingHello,
    /// The client has sent its hello, and has neither a seat nor a join in progress.
    Lobby,
    /// The client has asked for a seat, and the room has not answered yet.
    Joining,
    /// The client has a seat in a room.
    Seated,
}

/// The action that a client's message requests from the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Log the player in.
    Login(Hello),
    /// Send the list of rooms to the client.
    ListRooms,
    /// Take a seat in a room that the target selects.
    Join(JoinTarget),
    /// Leave the seat, or cancel the join.
    Leave,
    /// Send a chat line to the room.
    Chat(Text<MAX_CHAT_BYTES>),
    /// Stop keeping the first messages, this many of them, for retransmission.
    Ack(u32),
    /// Do nothing: the message has no effect in this phase.
    Nothing,
}

impl SessionPhase {
    /// Moves to the phase after this message, and returns what the message requests.
    ///
    /// # Errors
    /// When the client may not send this message in the current phase. The client is defective, and the session must end.
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
            // Not an error: the room may have closed while the message was on its way.
            (
                _,
                ClientMessage::Leave
                | ClientMessage::Chat(_)
                | ClientMessage::ClosingAck
                | ClientMessage::Ack(_),
            ) => Ok(Request::Nothing),
        }
    }

    /// Records the result of a join or a resume: whether the client has a seat now.
    pub const fn joined(&mut self, seated: bool) {
        *self = if seated { Self::Seated } else { Self::Lobby };
    }

    /// Records that the room has taken the seat away.
    pub const fn unseated(&mut self) {
        *self = Self::Lobby;
    }
}

fn out_of_order(what: &str) -> CloseNotice {
    let sentence = format!(
        "The client sent {what}; the client is broken or speaks another protocol. Update the client."
    );
    CloseNotice { reason: CloseReason::Malformed, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_message_before_the_hello_is_refused() {
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
