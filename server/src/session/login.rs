//! The login of a session: the player from the hello on, and its lease in the registry until the session ends.
//!
//! A client either starts as a new player or resumes with a ticket. A resume returns the seat at once, or after an older session of the
//! same player has ended; until then the session is pending, and processes no messages.

use std::sync::Arc;

use quarrel_shared::{
    game::Game,
    id::PlayerId,
    protocol::{CloseReason, Hello, Resume, Ticket, TicketNumber, messages::Name},
};

use super::{
    detached_seat::DetachedSeat,
    end::{CloseNotice, SessionEnd},
    handshake,
    seat::Seat,
    unacked::AckError,
};
use crate::lobby::{
    SessionRegistry,
    players::PlayerGuard,
    registry::{ResumeTarget, ResumedSession, SessionLease},
    registry_state::{EndKind, HeldSeat, LeaseStatus},
};
use quarrel_transport::wake::FlaggedFuture;

/// The player of a session.
pub(super) struct Login<G: Game> {
    player: PlayerId,
    name: Name,
    /// The session's claim to its player, from the hello on.
    lease: Option<SessionLease<DetachedSeat<G>>>,
    /// Completes when the status of the lease may have changed.
    pub(super) lease_notified: Option<FlaggedFuture<()>>,
    /// The number of messages that the client reports as received, while its seat has not been returned yet.
    pending_ack: Option<u32>,
    /// Whether the peer has sent anything since its welcome, and so has received its ticket.
    has_ticket: bool,
    /// The player's entry in the list of players, from the welcome on.
    pub(super) entry: Option<PlayerGuard>,
}

/// The next step of a login.
#[expect(clippy::large_enum_variant, reason = "one at a time, and only while a player logs in")]
pub(super) enum LoginStep<G: Game> {
    /// Nothing changes; a pending login still waits for the older session.
    Wait,
    /// Welcome the player without a seat.
    EnterLobby,
    /// Welcome the player back on the seat.
    Resume(ReturnedSeat<G>),
}

/// A seat that is returned to its player.
pub(super) struct ReturnedSeat<G: Game> {
    pub(super) seat: DetachedSeat<G>,
    /// The number of messages that the client has received; later ones are sent again.
    pub(super) acked: u32,
}

impl<G: Game> Login<G> {
    /// The login of a new connection; `player` is the id that it gets unless it resumes another one.
    pub(super) fn new(player: PlayerId) -> Self {
        Self {
            player,
            name: Name::default(),
            lease: None,
            lease_notified: None,
            pending_ack: None,
            has_ticket: false,
            entry: None,
        }
    }

    /// Processes the hello.
    ///
    /// # Errors
    /// When client and server do not fit, or the resume ticket is not valid.
    pub(super) fn hello(
        &mut self,
        hello: &Hello,
        registry: &Arc<SessionRegistry<DetachedSeat<G>>>,
    ) -> Result<LoginStep<G>, SessionEnd> {
        self.name = handshake::check::<G>(hello)?;
        let Some(Resume { ticket, acked: reported }) = &hello.resume else {
            self.set_lease(registry.enter(self.player));
            return Ok(LoginStep::EnterLobby);
        };
        let ResumedSession { lease, target } = registry.resume(ticket, self.player)?;
        // The id that this connection was given stays unused, unless the player was forgotten.
        self.player = lease.player();
        self.set_lease(lease);
        self.pending_ack = Some(*reported);
        match target {
            ResumeTarget::Seat(seat) => self.returned(Some(seat)),
            ResumeTarget::Lobby => self.returned(None),
            ResumeTarget::Pending => Ok(LoginStep::Wait),
        }
    }

    /// Checks the lease after a notification.
    ///
    /// # Errors
    /// When another session has replaced this one, or the returned seat does not fit the client's acknowledgement.
    pub(super) fn poll_lease(&mut self) -> Result<LoginStep<G>, SessionEnd> {
        let Some(lease) = &self.lease else { return Ok(LoginStep::Wait) };
        self.lease_notified = Some(FlaggedFuture::new(lease.notified()));
        match lease.poll() {
            LeaseStatus::Unchanged => Ok(LoginStep::Wait),
            LeaseStatus::Replaced => Err(CloseReason::Replaced.into()),
            LeaseStatus::Arrived(seat) => self.returned(seat),
        }
    }

    /// Whether the session waits for an older one to end. Meanwhile it neither reads nor sends messages.
    pub(super) const fn is_pending(&self) -> bool {
        self.pending_ack.is_some()
    }

    /// Records that the peer has sent something, which after the welcome shows that it has its ticket.
    pub(super) const fn record_activity(&mut self) {
        self.has_ticket |= self.lease.is_some();
    }

    /// Ends the lease. The seat is held, moves to the session that replaced this one, or is freed.
    pub(super) fn end(&mut self, seat: Option<Seat<G>>, end: &SessionEnd) {
        let Some(lease) = self.lease.take() else { return };
        let kind = if end.is_loss() { EndKind::Lost { has_ticket: self.has_ticket } } else { EndKind::Gone };
        lease.end(seat.map(|seat| seat.detach(self.name.clone())), kind);
    }

    pub(super) const fn player(&self) -> PlayerId {
        self.player
    }

    pub(super) const fn name(&self) -> &Name {
        &self.name
    }

    /// The ticket for the client; `None` before the hello.
    pub(super) fn ticket(&self) -> Option<&Ticket> {
        self.lease.as_ref().map(SessionLease::ticket)
    }

    /// The ticket that the player showed.
    pub(super) fn shown_ticket(&self) -> TicketNumber {
        self.lease.as_ref().map(SessionLease::shown).unwrap_or_default()
    }

    fn set_lease(&mut self, lease: SessionLease<DetachedSeat<G>>) {
        self.lease_notified = Some(FlaggedFuture::new(lease.notified()));
        self.lease = Some(lease);
    }

    /// The older session has ended, if there was one, and left this seat.
    fn returned(&mut self, seat: Option<DetachedSeat<G>>) -> Result<LoginStep<G>, SessionEnd> {
        let reported = self.pending_ack.take().unwrap_or_default();
        let Some(seat) = seat.filter(|seat| !seat.is_revoked()) else { return Ok(LoginStep::EnterLobby) };
        let acked = seat.acked(reported);
        match seat.unacked.since(acked) {
            Ok(_) => {
                self.name = seat.name.clone();
                Ok(LoginStep::Resume(ReturnedSeat { seat, acked }))
            }
            // A message sequence with a gap is useless: the seat is freed, and the player may join again.
            Err(AckError::Evicted) => Ok(LoginStep::EnterLobby),
            Err(error) => Err(CloseNotice::invalid_ack(error).into()),
        }
    }
}
