//! The channels between sessions and a room. Each is bounded and has an overflow policy.

use std::sync::{
    Arc, OnceLock,
    atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use quarrel_shared::{
    game::Game,
    id::{PlayerId, RoomId, SeatId},
    limits::MAX_CHAT_BYTES,
    protocol::{CloseReason, TicketNumber, bounded::Text, datagram::InputBatch, messages::Name},
    snapshot::Frame,
    tick::Tick,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use super::{
    mark::{MarkCommand, MarkError, MarkReceipt},
    shared_event::SharedEvent,
    state::RosterChange,
    status::{RoomStatus, SeatClaim},
};

/// The capacity of one seat's queue of events, which fills while the session is slow or the player is away. In the busiest half minute, an
/// Arena with sixteen fighters sends 128 events to each of them (a test measures this), and 15 x 2 = 30 more if each of the others leaves
/// and joins once. So the 30 s for which a seat is held by default take a quarter to a third of the capacity. A full queue takes 512 x 40
/// bytes = 20 KB; all receivers of a game event share the event itself.
/// Overflow: the seat is revoked with [`CloseReason::TooSlow`], and cannot be resumed.
pub const MAX_QUEUED_EVENTS: usize = 512;

/// The part of [`MAX_QUEUED_EVENTS`] that is reserved for game events and roster changes, so that chat alone cannot cost a player the seat.
/// Overflow: when less than this capacity is left, chat lines for the seat are dropped.
pub const RESERVED_EVENTS: usize = 256;

/// The occupation of a seat by one player, from taking the seat to leaving it. Commands name it and not only the seat, because commands of a
/// player who has left may still be queued when the next player takes the seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupation {
    /// The seat that the player occupies.
    pub seat: SeatId,
    /// The number of the occupation in its room, modulo 2^32.
    pub number: u32,
}

/// A command from a session or an operator to a room. It takes effect at the next tick. A command of an occupation that has ended has no
/// effect.
pub enum RoomCommand<G: Game> {
    /// A player requests a seat.
    TakeSeat(TakeSeat<G>),
    /// A seat's inputs have arrived.
    Input {
        /// The occupation that the inputs are for.
        occupation: Occupation,
        /// The time of arrival.
        arrived: Instant,
        /// The newest inputs of the seat, for consecutive ticks.
        batch: InputBatch<G::Input>,
    },
    /// A seat sends a chat line to the room.
    Chat {
        /// The sender.
        occupation: Occupation,
        /// The chat line.
        text: Text<MAX_CHAT_BYTES>,
    },
    /// An operator marks the newest tick in the room's journal.
    Mark(MarkCommand),
}

/// A player's request for a seat.
pub struct TakeSeat<G: Game> {
    /// The player who gets the seat.
    pub player: PlayerId,
    /// The resume ticket that the player showed last. The journal records it, so that a restarted server can give the seat back.
    pub ticket: TicketNumber,
    /// The player's display name.
    pub name: Name,
    /// The channel for the reply. If it is dropped without a reply, the room has ended.
    pub reply: oneshot::Sender<Result<SeatHandle<G>, CloseReason>>,
}

/// The session's end of a seat. Dropping the handle frees the seat.
pub struct SeatHandle<G: Game> {
    /// The player's occupation of the seat.
    pub occupation: Occupation,
    /// The room's newest tick when the seat was taken.
    pub tick: Tick,
    /// The occupants of seats when the seat was taken, without those who took a seat at the same tick.
    pub roster: Vec<RosterChange>,
    /// The newest frame; `None` before the first. A slow session skips frames, and the room never waits for a session.
    pub frames: watch::Receiver<Option<Arc<Frame<G::Entity>>>>,
    /// The room's events for this seat, in order. When the channel is closed, the seat was revoked for the reason in `ended`.
    pub events: mpsc::Receiver<RoomEvent<G>>,
    /// The reason for which the room revoked the seat. Unset while the player has the seat, and if the room's task ended without a reason.
    pub ended: Arc<OnceLock<CloseReason>>,
    /// Whether the player is present or away.
    pub presence: Presence,
}

/// The presence of a seat's player, shared between the session, which sets it, and the room, which reads it at each tick.
///
/// A player is present, or away while the seat is held. The returns are counted, because a player may be away and return between two ticks.
/// The presence is not a [`RoomCommand`], because a full inbox drops commands: a player who has returned would stay under a bot's control.
///
/// The presence also contains the number of the ticket that the player showed last, which the room writes into the journal. After a restart
/// of the server, that ticket or a newer one returns the player to the seat. The newest issued ticket would be wrong there, because it may
/// not have reached the player when the server crashes.
#[derive(Clone, Debug)]
pub struct Presence(Arc<PresenceState>);

/// The state that the clones of a [`Presence`] share.
#[derive(Debug)]
struct PresenceState {
    /// Bit 0: whether the player is away. The other bits: the number of returns.
    state: AtomicU32,
    /// The ticket that the player showed last: its run in the high half, its count in the low half.
    ticket: AtomicU64,
}

impl Presence {
    const AWAY: u32 = 1;
    const RETURN: u32 = 2;

    /// Creates the presence of a player who is present and has shown this ticket.
    #[must_use]
    pub fn new(ticket: TicketNumber) -> Self {
        let state = PresenceState { state: AtomicU32::new(0), ticket: AtomicU64::new(encode_ticket(ticket)) };
        Self(Arc::new(state))
    }

    /// Marks the player as away, because the connection was lost and the seat is held.
    pub fn set_away(&self) {
        self.0.state.fetch_or(Self::AWAY, Relaxed);
    }

    /// Marks the player as present again, on a new connection for which the player has shown this ticket.
    pub fn set_returned(&self, ticket: TicketNumber) {
        self.0.ticket.store(encode_ticket(ticket), Relaxed);
        let returned = |state: u32| Some((state & !Self::AWAY).wrapping_add(Self::RETURN));
        // Release: a reader that sees the return also sees its ticket.
        let _ = self.0.state.fetch_update(Release, Relaxed, returned);
    }

    /// The ticket that the player showed last.
    #[must_use]
    pub fn ticket(&self) -> TicketNumber {
        let encoded = self.0.ticket.load(Relaxed);
        TicketNumber { run: (encoded >> 32) as u32, count: encoded as u32 }
    }

    /// Returns true while the player is away, that is, while the seat is held.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.0.state.load(Relaxed) & Self::AWAY != 0
    }

    /// The number of returns, modulo 2^31.
    #[must_use]
    pub fn returns(&self) -> u32 {
        self.0.state.load(Acquire) / Self::RETURN
    }
}

/// Encodes a ticket number: its run in the high half, its count in the low half.
const fn encode_ticket(ticket: TicketNumber) -> u64 {
    (ticket.run as u64) << 32 | ticket.count as u64
}

/// An event from a room to one of its seats.
pub enum RoomEvent<G: Game> {
    /// An event of the game.
    Game {
        /// The tick of the event.
        tick: Tick,
        /// The event, shared by all its receivers.
        event: Arc<SharedEvent<G::Event>>,
    },
    /// A player or bot took or left a seat.
    Roster(RosterChange),
    /// A chat line.
    Chat {
        /// The sender.
        seat: SeatId,
        /// The chat line.
        text: Text<MAX_CHAT_BYTES>,
    },
}

impl<G: Game> Clone for RoomEvent<G> {
    fn clone(&self) -> Self {
        match self {
            Self::Game { tick, event } => Self::Game { tick: *tick, event: Arc::clone(event) },
            Self::Roster(change) => Self::Roster(change.clone()),
            Self::Chat { seat, text } => Self::Chat { seat: *seat, text: text.clone() },
        }
    }
}

/// A handle to a room's task.
pub struct RoomHandle<G: Game> {
    inbox: mpsc::Sender<RoomCommand<G>>,
    status: Arc<RoomStatus>,
}

impl<G: Game> Clone for RoomHandle<G> {
    fn clone(&self) -> Self {
        Self { inbox: self.inbox.clone(), status: Arc::clone(&self.status) }
    }
}

impl<G: Game> RoomHandle<G> {
    pub(super) const fn new(inbox: mpsc::Sender<RoomCommand<G>>, status: Arc<RoomStatus>) -> Self {
        Self { inbox, status }
    }

    /// The room's id.
    #[must_use]
    pub fn id(&self) -> RoomId {
        self.status.id
    }

    /// The room's status.
    #[must_use]
    pub const fn status(&self) -> &Arc<RoomStatus> {
        &self.status
    }

    /// Requests a seat for a player, and waits for the reply, which the room sends at its next tick. The claim proves that the lobby has
    /// reserved a seat.
    ///
    /// # Errors
    /// [`CloseReason::RoomBusy`] if the inbox is full, [`CloseReason::RoomClosed`] if the room has ended, and [`CloseReason::RoomFull`] if
    /// players have all seats.
    pub async fn take_seat(
        &self,
        player: PlayerId,
        ticket: TicketNumber,
        name: Name,
        _claim: &SeatClaim,
    ) -> Result<SeatHandle<G>, CloseReason> {
        let (reply, receiver) = oneshot::channel();
        self.inbox.try_send(RoomCommand::TakeSeat(TakeSeat { player, ticket, name, reply })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => CloseReason::RoomBusy,
                mpsc::error::TrySendError::Closed(_) => CloseReason::RoomClosed,
            },
        )?;
        receiver.await.unwrap_or(Err(CloseReason::RoomClosed))
    }

    /// Marks the newest tick in the room's journal, and waits for the reply, which the room sends at its next tick.
    ///
    /// # Errors
    /// Returns the reason why the mark was not placed.
    pub async fn mark(&self, reason: String) -> Result<MarkReceipt, MarkError> {
        let (reply, receiver) = oneshot::channel();
        self.inbox.try_send(RoomCommand::Mark(MarkCommand { reason, reply })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => MarkError::Busy,
                mpsc::error::TrySendError::Closed(_) => MarkError::NoRoom,
            },
        )?;
        receiver.await.unwrap_or(Err(MarkError::NoRoom))
    }

    /// Sends a command that may be dropped: inputs, which the next datagram repeats, or a chat line. Returns false if the command was
    /// dropped because the inbox is full or the room has ended.
    #[must_use]
    pub fn try_send(&self, command: RoomCommand<G>) -> bool {
        self.inbox.try_send(command).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_sets_the_ticket_and_ends_the_absence() {
        let presence = Presence::new(TicketNumber { run: 7, count: 0 });
        presence.set_away();
        assert!(presence.is_away());
        let last = TicketNumber { run: u32::MAX, count: u32::MAX - 1 };
        presence.set_returned(last);
        assert_eq!((presence.is_away(), presence.returns(), presence.ticket()), (false, 1, last));
    }
}
