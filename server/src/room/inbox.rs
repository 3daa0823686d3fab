//! The channels between sessions and a room: bounded, each with its overflow policy.

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

/// The capacity of the event queue of one seat, whose session is connected or whose player is away. The busiest half minute of an Arena
/// with sixteen fighters sends 128 events to each of them (a test measures it), and 30 more if each of the others leaves and joins once:
/// a quarter to a third of this capacity for the 30 s for which a seat is held by default. At most 20 KB at 40 bytes each; game events
/// are shared by all their receivers.
/// Overflow: the seat is taken away with [`CloseReason::TooSlow`], and cannot be resumed.
pub const MAX_QUEUED_EVENTS: usize = 512;

/// The part of that capacity reserved for game events and roster changes, so that chat alone never costs a player the seat.
/// Overflow: when only reserved places are left, chat lines for this seat are dropped.
pub const RESERVED_EVENTS: usize = 256;

/// A command from a session to its room. It takes effect at the next tick.
pub enum RoomCommand<G: Game> {
    /// A player asks for a seat.
    TakeSeat(TakeSeat<G>),
    /// A seat sends inputs.
    Input {
        /// The seat.
        seat: SeatId,
        /// The time of arrival.
        arrived: Instant,
        /// The newest inputs of the seat, one for each tick.
        batch: InputBatch<G::Input>,
    },
    /// A seat sends a chat line to the room.
    Chat {
        /// The sender.
        seat: SeatId,
        /// The chat line.
        text: Text<MAX_CHAT_BYTES>,
    },
    /// An operator marks the newest tick in the journal.
    Mark(MarkCommand),
}

/// A request for a seat.
pub struct TakeSeat<G: Game> {
    /// The player.
    pub player: PlayerId,
    /// The ticket that returns the player to the seat.
    pub ticket: TicketNumber,
    /// The player's display name.
    pub name: Name,
    /// The channel for the answer. When it is dropped without one, the room has ended.
    pub reply: oneshot::Sender<Result<SeatHandle<G>, CloseReason>>,
}

/// The session's end of a seat. Dropping it leaves the seat.
pub struct SeatHandle<G: Game> {
    /// The seat in the room.
    pub seat: SeatId,
    /// The room's newest tick when the seat was taken.
    pub tick: Tick,
    /// The occupants of the other seats when the seat was taken.
    pub roster: Vec<RosterChange>,
    /// The newest frame. A slow session skips frames, and the room never waits for it.
    pub frames: watch::Receiver<Option<Arc<Frame<G::Entity>>>>,
    /// All events, in order. When the channel is closed, the seat was taken away for the reason in `ended`.
    pub events: mpsc::Receiver<RoomEvent<G>>,
    /// The reason why the seat was taken away; unset if the room ended without one.
    pub ended: Arc<OnceLock<CloseReason>>,
    /// Whether the player is present.
    pub presence: Presence,
}

/// The presence of a seat's player: present, or away while the seat is held; and the number of returns, because a player may leave and
/// return within a tick. The room reads it at each tick. It is not a [`RoomCommand`], because a full inbox drops those, and a player who
/// has returned must not stay under a bot's control because a command was lost.
///
/// It also carries the number of the ticket that the player showed last, for the journal: after a restart that ticket, or a later one,
/// returns the player. The newest ticket may not have reached the player when the server crashes.
#[derive(Clone, Debug)]
pub struct Presence(Arc<PresenceState>);

/// The state shared by the session, which writes it, and the room, which reads it.
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

    /// The presence of a present player with this ticket.
    #[must_use]
    pub fn new(ticket: TicketNumber) -> Self {
        let state = PresenceState { state: AtomicU32::new(0), ticket: AtomicU64::new(encode_ticket(ticket)) };
        Self(Arc::new(state))
    }

    /// Marks the player as away: the connection was lost, and the seat is held.
    pub fn set_away(&self) {
        self.0.state.fetch_or(Self::AWAY, Relaxed);
    }

    /// Marks the player as present again, on another connection for which the player has shown this ticket.
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

    /// Whether the player is away and the seat is held.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.0.state.load(Relaxed) & Self::AWAY != 0
    }

    /// The number of returns, modulo 2^31, which no player reaches within a tick.
    #[must_use]
    pub fn returns(&self) -> u32 {
        self.0.state.load(Acquire) / Self::RETURN
    }
}

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

    /// Takes a seat; the answer arrives with the next tick. The claim proves that the lobby has reserved one.
    ///
    /// # Errors
    /// [`CloseReason::RoomBusy`] when the inbox is full, [`CloseReason::RoomClosed`] when the room has ended, or the room's own reason.
    pub async fn take_seat(
        &self,
        player: PlayerId,
        ticket: TicketNumber,
        name: Name,
        _claim: &SeatClaim,
    ) -> Result<SeatHandle<G>, CloseReason> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send(RoomCommand::TakeSeat(TakeSeat { player, ticket, name, reply })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => CloseReason::RoomBusy,
                mpsc::error::TrySendError::Closed(_) => CloseReason::RoomClosed,
            },
        )?;
        answer.await.unwrap_or(Err(CloseReason::RoomClosed))
    }

    /// Marks the newest tick in the room's journal; the answer arrives with the next tick.
    ///
    /// # Errors
    /// The reason why there is no mark.
    pub async fn mark(&self, reason: String) -> Result<MarkReceipt, MarkError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send(RoomCommand::Mark(MarkCommand { reason, reply })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => MarkError::Busy,
                mpsc::error::TrySendError::Closed(_) => MarkError::NoRoom,
            },
        )?;
        answer.await.unwrap_or(Err(MarkError::NoRoom))
    }

    /// Sends a command that may be dropped: inputs, which the next datagram repeats, and chat. Returns false when the inbox is full or
    /// the room has ended, and the command was dropped.
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
