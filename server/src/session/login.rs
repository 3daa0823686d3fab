//! The login of a session: the identity of its player, and the session's lease on that player in the session registry.
//!
//! A client logs in as a new player, or resumes a player with a ticket. A player who resumes gets back the seat, if one was held: at once,
//! or when an older session of the same player has ended. Until then the login is pending, and the session processes no messages.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
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
use crate::telemetry::counters::FreedSeatCounters;
use quarrel_transport::wake::FlaggedFuture;

/// The identity of a session's player, and the state of the login.
pub(super) struct Login<G: Game> {
    player: PlayerId,
    name: Name,
    /// The session's lease on its player; `None` before an accepted hello and after the end.
    lease: Option<SessionLease<DetachedSeat<G>>>,
    /// A future that completes when the status of the lease may have changed.
    pub(super) lease_notified: Option<FlaggedFuture<()>>,
    /// While a resume is pending: the number of messages that the client reports as received from its seat.
    pending_ack: Option<u32>,
    /// Whether the peer has sent anything since its hello was accepted. A client sends nothing between its hello and its welcome, so this
    /// shows that it has received its ticket.
    has_ticket: bool,
    /// The player's entry in the list of players, from the welcome on.
    pub(super) entry: Option<PlayerGuard>,
}

/// The next step of a login.
#[expect(clippy::large_enum_variant, reason = "one at a time, and only while a player logs in")]
pub(super) enum LoginStep<G: Game> {
    /// Do nothing: the lease has not changed, or the login is still pending.
    Wait,
    /// Send the welcome to a player without a seat.
    EnterLobby,
    /// Send the welcome to a player whose seat was held, and resume the seat.
    Resume(ReturnedSeat<G>),
}

/// A seat that is returned to its player.
pub(super) struct ReturnedSeat<G: Game> {
    pub(super) seat: DetachedSeat<G>,
    /// The number of the seat's messages that the client has received; later ones are sent again.
    pub(super) acked: u32,
}

impl<G: Game> Login<G> {
    /// Creates the login of a new connection. `player` is the id for a new player; a resumed player keeps an earlier id.
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

    /// Processes the hello, and returns the next step.
    ///
    /// # Errors
    /// When the client's protocol or game does not match the server's, or when the resume ticket is not valid.
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
        // The id for a new player stays unused, unless the registry has forgotten the player of the ticket.
        self.player = lease.player();
        self.set_lease(lease);
        self.pending_ack = Some(*reported);
        match target {
            ResumeTarget::Seat(seat) => self.returned(Some(seat)),
            ResumeTarget::Lobby => self.returned(None),
            ResumeTarget::Pending => Ok(LoginStep::Wait),
        }
    }

    /// Checks the lease after a notification, and returns the next step.
    ///
    /// # Errors
    /// When another session has replaced this one, or when the client has acknowledged more messages than the returned seat has sent.
    pub(super) fn poll_lease(&mut self) -> Result<LoginStep<G>, SessionEnd> {
        let Some(lease) = &self.lease else { return Ok(LoginStep::Wait) };
        self.lease_notified = Some(FlaggedFuture::new(lease.notified()));
        match lease.poll() {
            LeaseStatus::Unchanged => Ok(LoginStep::Wait),
            LeaseStatus::Replaced => Err(CloseReason::Replaced.into()),
            LeaseStatus::Arrived(seat) => self.returned(seat),
        }
    }

    /// Returns true if this session waits for an older session of the player to end. Meanwhile it processes and sends no messages.
    pub(super) const fn is_pending(&self) -> bool {
        self.pending_ack.is_some()
    }

    /// Records that the peer has sent something. After an accepted hello, this shows that the peer has received its ticket.
    pub(super) const fn record_activity(&mut self) {
        self.has_ticket |= self.lease.is_some();
    }

    /// Ends the lease and gives the seat to the registry, which holds the seat, moves it to the session that replaced this one, or frees
    /// it.
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

    /// The ticket with which the client can resume after this session; `None` before an accepted hello.
    pub(super) fn ticket(&self) -> Option<&Ticket> {
        self.lease.as_ref().map(SessionLease::ticket)
    }

    /// The number of the ticket that the player has shown; that of the first ticket for a new player.
    pub(super) fn shown_ticket(&self) -> TicketNumber {
        self.lease.as_ref().map(SessionLease::shown).unwrap_or_default()
    }

    fn set_lease(&mut self, lease: SessionLease<DetachedSeat<G>>) {
        self.lease_notified = Some(FlaggedFuture::new(lease.notified()));
        self.lease = Some(lease);
    }

    /// Completes a resume, now that no older session has the player any more. `seat` is the player's seat, if one was held.
    fn returned(&mut self, seat: Option<DetachedSeat<G>>) -> Result<LoginStep<G>, SessionEnd> {
        let reported = self.pending_ack.take().unwrap_or_default();
        let Some(seat) = seat else { return Ok(LoginStep::EnterLobby) };
        if seat.is_revoked() {
            return Ok(self.enter_lobby_without(|freed| &freed.queue_full));
        }
        let acked = seat.acked(reported);
        match seat.unacked.since(acked) {
            Ok(_) => {
                self.name = seat.name.clone();
                Ok(LoginStep::Resume(ReturnedSeat { seat, acked }))
            }
            // Messages that the client needs were evicted, so the seat cannot be resumed. It is freed, and the player may join again.
            Err(AckError::Evicted) => Ok(self.enter_lobby_without(|freed| &freed.messages_lost)),
            Err(error) => Err(CloseNotice::invalid_ack(error).into()),
        }
    }

    /// Counts a returned seat that cannot be resumed.
    fn enter_lobby_without(&self, reason: impl FnOnce(&FreedSeatCounters) -> &Counter) -> LoginStep<G> {
        if let Some(lease) = &self.lease {
            reason(lease.freed_seats()).inc();
        }
        LoginStep::EnterLobby
    }
}
