//! The room's end of the channels between the room and the session of one seat.

use std::sync::{Arc, OnceLock};

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, TicketNumber},
};
use tokio::sync::mpsc;

use super::inbox::{Presence, RESERVED_EVENTS, RoomEvent};

/// The room's end of the channels of a player's seat.
pub(super) struct SeatChannel<G: Game> {
    events: mpsc::Sender<RoomEvent<G>>,
    ended: Arc<OnceLock<CloseReason>>,
    presence: Presence,
    /// The player's number of returns at the last [`Self::take_return`].
    returns: u32,
}

impl<G: Game> SeatChannel<G> {
    pub(super) const fn new(
        events: mpsc::Sender<RoomEvent<G>>,
        ended: Arc<OnceLock<CloseReason>>,
        presence: Presence,
    ) -> Self {
        Self { events, ended, presence, returns: 0 }
    }

    /// Queues a chat line for the session. Returns false if the line was dropped, because less than [`RESERVED_EVENTS`] of the capacity are
    /// left.
    #[must_use]
    pub(super) fn send_chat(&self, line: &RoomEvent<G>) -> bool {
        let has_capacity = self.events.capacity() >= RESERVED_EVENTS;
        if has_capacity {
            self.send(line);
        }
        has_capacity
    }

    /// Queues an event for the session. When the queue is full, the seat is taken away with [`CloseReason::TooSlow`]: a session that is a
    /// full queue behind cannot play, and the room does not wait for it.
    pub(super) fn send(&self, event: &RoomEvent<G>) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event.clone()) {
            self.close(CloseReason::TooSlow);
        }
    }

    /// Takes the seat away for this reason. Has no effect if the seat was taken away before.
    pub(super) fn close(&self, reason: CloseReason) {
        let _ = self.ended.set(reason);
    }

    /// Returns true if the session has dropped its handle, or if the seat was taken away.
    pub(super) fn is_closed(&self) -> bool {
        self.events.is_closed() || self.ended.get().is_some()
    }

    /// Returns the newest ticket of the player if the player has returned on a new connection since the last call.
    pub(super) fn take_return(&mut self) -> Option<TicketNumber> {
        let returns = self.presence.returns();
        let has_returned = std::mem::replace(&mut self.returns, returns) != returns;
        has_returned.then(|| self.presence.ticket())
    }

    /// Returns true if the player is away and the seat is held.
    pub(super) fn is_away(&self) -> bool {
        self.presence.is_away()
    }
}
