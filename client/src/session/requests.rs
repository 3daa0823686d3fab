//! What was asked for and not answered yet. A connection may break with the question or its answer still on the way, so it is asked
//! again on the next one.

use quarrel_shared::protocol::{ClientMessage, JoinTarget, ServerMessage};

use crate::session::command::Command;

/// The questions of one player, each at most once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    join: Option<JoinTarget>,
    rooms: bool,
}

impl Requests {
    /// A seat was asked for along with the hello, if there is a target.
    pub(crate) const fn new(join: Option<JoinTarget>) -> Self {
        Self { join, rooms: false }
    }

    /// Something is asked for.
    pub(crate) const fn ask(&mut self, command: &Command) {
        match command {
            Command::Join(target) => self.join = Some(*target),
            Command::ListRooms => self.rooms = true,
            // Whoever leaves waits for no seat any more.
            Command::Leave => self.join = None,
            Command::Chat(_) | Command::Reconnect | Command::Close => {}
        }
    }

    /// The server says something, which may be an answer.
    pub(crate) const fn hear(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Joined { .. } | ServerMessage::JoinRefused { .. } => self.join = None,
            ServerMessage::Rooms(_) => self.rooms = false,
            _ => {}
        }
    }

    /// Everything that is still to be answered, as it is asked again.
    pub(crate) fn again(&self) -> impl Iterator<Item = ClientMessage> + use<> {
        let join = self.join.map(ClientMessage::Join);
        join.into_iter().chain(self.rooms.then_some(ClientMessage::ListRooms))
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::protocol::{CloseReason, bounded::Text};

    use super::*;

    fn again(requests: &Requests) -> Vec<ClientMessage> {
        requests.again().collect()
    }

    #[test]
    fn what_was_not_answered_is_asked_again_and_what_was_is_not() {
        let mut requests = Requests::new(Some(JoinTarget::Quick));
        requests.ask(&Command::ListRooms);
        assert_eq!(again(&requests), [ClientMessage::Join(JoinTarget::Quick), ClientMessage::ListRooms]);
        let refused =
            ServerMessage::JoinRefused { reason: CloseReason::RoomFull, sentence: Text::lossy("full") };
        requests.hear(&refused);
        assert_eq!(again(&requests), [ClientMessage::ListRooms]);
    }

    #[test]
    fn whoever_leaves_waits_for_no_seat() {
        let mut requests = Requests::new(Some(JoinTarget::Quick));
        requests.ask(&Command::Leave);
        assert_eq!(again(&requests), []);
    }
}
