//! The room's end of everything that it shares with the session of one player's seat: the queue of events, the reason of a revocation, and
//! the player's presence.

use std::sync::{Arc, OnceLock};

use quarrel_shared::{
    game::{Audience, Game},
    id::SeatId,
    protocol::{CloseReason, TicketNumber},
};
use tokio::sync::mpsc;

use super::inbox::{Occupation, Presence, RESERVED_EVENTS, RoomEvent};

/// The room's end of everything that it shares with the session of one player's seat. Seats of bots have none.
pub(super) struct SeatChannel<G: Game> {
    /// The occupation whose commands the room accepts.
    pub(super) occupation: Occupation,
    /// The queue of the seat's events.
    events: mpsc::Sender<RoomEvent<G>>,
    /// The reason for which the room revoked the seat; unset while the player has it. The session shares it.
    ended: Arc<OnceLock<CloseReason>>,
    presence: Presence,
    /// The number of times that the player had returned on a new connection at the last [`Self::take_return`].
    returns: u32,
}

/// The channels of all seats, by seat; `None` for bots and empty seats.
pub(super) struct SeatChannels<G: Game>(pub(super) Vec<Option<SeatChannel<G>>>);

impl<G: Game> SeatChannels<G> {
    /// Sends an event to the seats of an audience.
    pub(super) fn send(&self, audience: &Audience, event: &RoomEvent<G>) {
        match audience {
            Audience::All => self.0.iter().flatten().for_each(|channel| channel.send(event)),
            Audience::Only(seat) => self.send_to_seat(*seat, event),
            Audience::Seats(seats) => seats.iter().for_each(|seat| self.send_to_seat(*seat, event)),
        }
    }

    /// Whether the player of this occupation still has the seat.
    pub(super) fn is_current(&self, occupation: Occupation) -> bool {
        self.of(occupation.seat).is_some_and(|channel| channel.occupation == occupation)
    }

    fn send_to_seat(&self, seat: SeatId, event: &RoomEvent<G>) {
        if let Some(channel) = self.of(seat) {
            channel.send(event);
        }
    }

    fn of(&self, seat: SeatId) -> Option<&SeatChannel<G>> {
        self.0.get(seat.index())?.as_ref()
    }
}

impl<G: Game> SeatChannel<G> {
    pub(super) const fn new(
        occupation: Occupation,
        events: mpsc::Sender<RoomEvent<G>>,
        ended: Arc<OnceLock<CloseReason>>,
        presence: Presence,
    ) -> Self {
        Self { occupation, events, ended, presence, returns: 0 }
    }

    /// Queues a chat line for the session. Returns false if the line was dropped, because fewer than [`RESERVED_EVENTS`] places of
    /// the queue are free: chat alone cannot fill it.
    #[must_use]
    pub(super) fn send_chat(&self, line: &RoomEvent<G>) -> bool {
        let has_capacity = self.events.capacity() >= RESERVED_EVENTS;
        if has_capacity {
            self.send(line);
        }
        has_capacity
    }

    /// Queues an event for the session. When the queue is full, the seat is revoked with [`CloseReason::TooSlow`]: a session that has
    /// fallen behind by the whole queue cannot play any more, and the room never waits for a session. An event for a session that has ended
    /// is dropped; [`Self::is_closed`] reports that. Until the task empties a revoked seat, later events may be queued after the missing one,
    /// so the session must not play on.
    pub(super) fn send(&self, event: &RoomEvent<G>) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event.clone()) {
            self.close(CloseReason::TooSlow);
        }
    }

    /// Records the reason for which the room revokes the seat; a reason that was recorded before stays. The task empties the seat at its
    /// next tick.
    pub(super) fn close(&self, reason: CloseReason) {
        let _ = self.ended.set(reason);
    }

    /// Returns true if the session has dropped its handle, or if the seat is revoked.
    pub(super) fn is_closed(&self) -> bool {
        self.events.is_closed() || self.ended.get().is_some()
    }

    /// If the player has returned on a new connection since the last call, returns the ticket that the player showed on the newest one.
    pub(super) fn take_return(&mut self) -> Option<TicketNumber> {
        let returns = self.presence.returns();
        let has_returned = std::mem::replace(&mut self.returns, returns) != returns;
        has_returned.then(|| self.presence.ticket())
    }

    /// Returns true while the player is away, that is, while the room holds the seat.
    pub(super) fn is_away(&self) -> bool {
        self.presence.is_away()
    }
}
