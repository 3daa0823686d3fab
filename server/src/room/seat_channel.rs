//! How a room reaches the session of one of its seats, and how it sees that nobody is there any more.

use std::sync::{Arc, OnceLock};

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, TicketNumber},
};
use tokio::sync::mpsc;

use super::inbox::{EVENTS_FOR_FACTS, Presence, RoomEvent};

/// A player's seat, as its room holds it.
pub(super) struct SeatChannel<G: Game> {
    events: mpsc::Sender<RoomEvent<G>>,
    ended: Arc<OnceLock<CloseReason>>,
    presence: Presence,
    /// How often the player had come back when the room looked last.
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

    /// A session that lets so many facts pile up has lost the game already: its seat is taken away, nobody waits for it.
    pub(super) fn tell(&self, event: &RoomEvent<G>) {
        if matches!(event, RoomEvent::Chat { .. }) && self.events.capacity() < EVENTS_FOR_FACTS {
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event.clone()) {
            self.end(CloseReason::TooSlow);
        }
    }

    /// Takes the seat away; only the first reason counts.
    pub(super) fn end(&self, reason: CloseReason) {
        let _ = self.ended.set(reason);
    }

    /// Whether the session is gone, or the seat was taken away.
    pub(super) fn is_over(&self) -> bool {
        self.events.is_closed() || self.ended.get().is_some()
    }

    /// The ticket of a player who came back on another connection since this was last asked.
    pub(super) fn take_return(&mut self) -> Option<TicketNumber> {
        let returns = self.presence.returns();
        let is_back = std::mem::replace(&mut self.returns, returns) != returns;
        is_back.then(|| self.presence.ticket())
    }

    /// Whether the seat is held for a player who is away.
    pub(super) fn is_away(&self) -> bool {
        self.presence.is_away()
    }
}
