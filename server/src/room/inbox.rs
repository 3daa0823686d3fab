//! What sessions say to a room and hear from it: bounded channels, each with its overflow policy.

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
    mark::{MarkMoment, Marked, NotMarked},
    state::RosterChange,
    status::{RoomStatus, SeatClaim},
};

/// How many facts may wait for one session, or for a player who is away and whose seat is held. The busiest half minute of an Arena
/// with sixteen fighters says 128 to each of them (a test measures it), and each of the others coming and going once adds 30: a
/// quarter to a third of this for the 30 s that a seat is held unless an operator says otherwise. At most 20 KB at 40 bytes each;
/// the games' own are shared by all who are told.
/// Full: the seat is taken away with [`CloseReason::TooSlow`], and with it the way back to it.
pub const EVENTS_WAITING: usize = 512;

/// How many places of those only facts and the roster may take: talk alone never costs anybody a seat. What is said when no other
/// places are left is not heard, least of all by somebody who is away from a room of chatterers.
pub const EVENTS_FOR_FACTS: usize = 256;

/// What a session says to its room. All of it takes effect at the next tick.
pub enum RoomCommand<G: Game> {
    /// A seat for this player.
    Take(TakeSeat<G>),
    /// Inputs of a seat.
    Input {
        /// Whose.
        seat: SeatId,
        /// When they arrived.
        arrived: Instant,
        /// What they are.
        run: InputBatch<G::Input>,
    },
    /// Somebody says something to everybody.
    Chat {
        /// Who.
        seat: SeatId,
        /// What.
        text: Text<MAX_CHAT_BYTES>,
    },
    /// An operator marks this moment in the journal.
    Mark(MarkMoment),
}

/// A request for a seat.
pub struct TakeSeat<G: Game> {
    /// Who asks.
    pub player: PlayerId,
    /// Which ticket brings them back.
    pub ticket: TicketNumber,
    /// What they are called.
    pub name: Name,
    /// Where the answer goes. Dropped: the room is gone.
    pub reply: oneshot::Sender<Result<Seated<G>, CloseReason>>,
}

/// A seat, and what is heard there. Dropping it leaves the seat.
pub struct Seated<G: Game> {
    /// Which seat.
    pub seat: SeatId,
    /// The newest tick.
    pub tick: Tick,
    /// Who sits where already.
    pub roster: Vec<RosterChange>,
    /// The newest frame: a session that is slow skips some, and none waits for it.
    pub frames: watch::Receiver<Option<Arc<Frame<G::Entity>>>>,
    /// Facts, every one and in order. Closed: the seat is gone, for the reason in `ended`.
    pub events: mpsc::Receiver<RoomEvent<G>>,
    /// Why the seat was taken away; unset when the room vanished without a word.
    pub ended: Arc<OnceLock<CloseReason>>,
    /// Whether its player is there.
    pub presence: Presence,
}

/// Whether the player of a seat is there, or away and expected back; and how often they came back, since that may be within a
/// tick. The room looks at each tick. It is no [`RoomCommand`], for a full inbox drops those, and whoever is back must not be played
/// by a bot because nobody heard of it.
///
/// With it goes the number of the ticket that the player showed last, which a journal keeps: after a restart that one, or a later
/// one, brings them back. The one that they were given for it may be on its way yet when the server dies.
#[derive(Clone, Debug)]
pub struct Presence(Arc<PlayerSigns>);

/// What a session leaves for the room to see.
#[derive(Debug)]
struct PlayerSigns {
    /// Whether the player is away, and how often they came back.
    state: AtomicU32,
    /// The run of the ticket that they showed last, and its count.
    ticket: AtomicU64,
}

impl Presence {
    const AWAY: u32 = 1;
    const RETURN: u32 = 2;

    /// Of a player who is there, and holds this ticket.
    #[must_use]
    pub fn new(ticket: TicketNumber) -> Self {
        let signs = PlayerSigns { state: AtomicU32::new(0), ticket: AtomicU64::new(coded(ticket)) };
        Self(Arc::new(signs))
    }

    /// The connection was lost; the seat is held.
    pub fn leave(&self) {
        self.0.state.fetch_or(Self::AWAY, Relaxed);
    }

    /// The player is back, on another connection, for which they have shown this ticket.
    pub fn come_back(&self, ticket: TicketNumber) {
        self.0.ticket.store(coded(ticket), Relaxed);
        let back = |state: u32| Some((state & !Self::AWAY).wrapping_add(Self::RETURN));
        // Released: whoever sees the return sees its ticket.
        let _ = self.0.state.fetch_update(Release, Relaxed, back);
    }

    /// Which ticket the player has shown last.
    #[must_use]
    pub fn ticket(&self) -> TicketNumber {
        let coded = self.0.ticket.load(Relaxed);
        TicketNumber { run: (coded >> 32) as u32, count: coded as u32 }
    }

    /// Whether the seat is held.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.0.state.load(Relaxed) & Self::AWAY != 0
    }

    /// How many times the player came back, modulo a number that nobody gets to within a tick.
    #[must_use]
    pub fn returns(&self) -> u32 {
        self.0.state.load(Acquire) / Self::RETURN
    }
}

const fn coded(ticket: TicketNumber) -> u64 {
    (ticket.run as u64) << 32 | ticket.count as u64
}

/// What a seat hears from its room.
pub enum RoomEvent<G: Game> {
    /// A fact of the game.
    Game {
        /// When.
        tick: Tick,
        /// What; shared by all who are told.
        event: Arc<G::Event>,
    },
    /// Somebody sat down or stood up.
    Roster(RosterChange),
    /// Somebody said something.
    Chat {
        /// Who.
        seat: SeatId,
        /// What.
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

/// A room, as others hold it.
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

    /// Which room.
    #[must_use]
    pub fn id(&self) -> RoomId {
        self.status.id
    }

    /// Its numbers.
    #[must_use]
    pub const fn status(&self) -> &Arc<RoomStatus> {
        &self.status
    }

    /// Asks for a seat; the answer comes with the next tick. The claim says that the lobby has promised one.
    ///
    /// # Errors
    /// [`CloseReason::RoomBusy`] when the inbox is full, [`CloseReason::RoomClosed`] when the room is gone, or what the room says.
    pub async fn take_seat(
        &self,
        player: PlayerId,
        ticket: TicketNumber,
        name: Name,
        _claim: &SeatClaim,
    ) -> Result<Seated<G>, CloseReason> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send(RoomCommand::Take(TakeSeat { player, ticket, name, reply })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => CloseReason::RoomBusy,
                mpsc::error::TrySendError::Closed(_) => CloseReason::RoomClosed,
            },
        )?;
        answer.await.unwrap_or(Err(CloseReason::RoomClosed))
    }

    /// Marks the newest tick in the room's journal; the answer comes with the next tick.
    ///
    /// # Errors
    /// Why it is not marked.
    pub async fn mark(&self, reason: String) -> Result<Marked, NotMarked> {
        let (reply, answer) = oneshot::channel();
        self.inbox.try_send(RoomCommand::Mark(MarkMoment { reason, reply })).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => NotMarked::Busy,
                mpsc::error::TrySendError::Closed(_) => NotMarked::NoRoom,
            },
        )?;
        answer.await.unwrap_or(Err(NotMarked::NoRoom))
    }

    /// Says something that the room may drop when its inbox is full: inputs, which the next datagram repeats, and chat.
    /// False when it was dropped.
    #[must_use]
    pub fn say(&self, command: RoomCommand<G>) -> bool {
        self.inbox.try_send(command).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_brings_its_ticket_and_ends_the_absence() {
        let presence = Presence::new(TicketNumber { run: 7, count: 0 });
        presence.leave();
        assert!(presence.is_away());
        let last = TicketNumber { run: u32::MAX, count: u32::MAX - 1 };
        presence.come_back(last);
        assert_eq!((presence.is_away(), presence.returns(), presence.ticket()), (false, 1, last));
    }
}
