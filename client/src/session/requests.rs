//! Requests that the server has not answered yet. A connection may break while a request or its answer is on the way, so the client
//! sends the request again on the next connection.

use quarrel_shared::protocol::{ClientMessage, JoinTarget, ServerMessage};

use crate::session::controller::ClientCommand;

/// The unanswered requests of one player, at most one of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct PendingRequests {
    join: Option<JoinTarget>,
    /// Whether a list of rooms was requested.
    list_rooms: bool,
}

impl PendingRequests {
    /// Creates the requests of a new session: `join` is the request for a seat that was sent along with the hello.
    pub(crate) const fn new(join: Option<JoinTarget>) -> Self {
        Self { join, list_rooms: false }
    }

    /// Updates the requests for a command that this client sends.
    pub(crate) const fn on_command(&mut self, command: &ClientCommand) {
        match command {
            ClientCommand::Join(target) => self.join = Some(*target),
            ClientCommand::ListRooms => self.list_rooms = true,
            // A player who leaves no longer waits for a seat.
            ClientCommand::Leave => self.join = None,
            ClientCommand::Chat(_) | ClientCommand::Reconnect | ClientCommand::Close => {}
        }
    }

    /// Removes the request that this message answers, if any.
    pub(crate) const fn on_message(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Joined { .. } | ServerMessage::JoinRefused { .. } => self.join = None,
            ServerMessage::Rooms(_) => self.list_rooms = false,
            _ => {}
        }
    }

    /// Returns the messages that repeat the unanswered requests.
    pub(crate) fn messages(&self) -> impl Iterator<Item = ClientMessage> + use<> {
        let join = self.join.map(ClientMessage::Join);
        join.into_iter().chain(self.list_rooms.then_some(ClientMessage::ListRooms))
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::protocol::{CloseReason, bounded::Text};

    use super::*;

    fn messages(requests: &PendingRequests) -> Vec<ClientMessage> {
        requests.messages().collect()
    }

    #[test]
    fn an_unanswered_request_is_repeated_and_an_answered_one_is_not() {
        let mut requests = PendingRequests::new(Some(JoinTarget::Quick));
        requests.on_command(&ClientCommand::ListRooms);
        assert_eq!(messages(&requests), [ClientMessage::Join(JoinTarget::Quick), ClientMessage::ListRooms]);
        let refused =
            ServerMessage::JoinRefused { reason: CloseReason::RoomFull, sentence: Text::lossy("full") };
        requests.on_message(&refused);
        assert_eq!(messages(&requests), [ClientMessage::ListRooms]);
    }

    #[test]
    fn leaving_withdraws_the_request_for_a_seat() {
        let mut requests = PendingRequests::new(Some(JoinTarget::Quick));
        requests.on_command(&ClientCommand::Leave);
        assert_eq!(messages(&requests), []);
    }
}
