//! The session registry: the state machine [`RegistryState`] behind a lock, with tickets, notifications and metrics.
//!
//! The lock is held for the time of a few map operations, never across an await, and no seat is dropped while it is held. Sessions use the
//! registry when they start, when they end and when they are notified, never for a packet.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quarrel_shared::{
    id::PlayerId,
    protocol::{CloseReason, Ticket, TicketNumber},
};
use tokio::{sync::Notify, time::Instant};

use super::{
    registry_state::{
        Effects, EndKind, FreedSeats, HeldSeat, LeaseStatus, RegistryState, ResumeError, ResumeOutcome,
        Resumed,
    },
    tickets::Tickets,
};
use crate::telemetry::{Metrics, counters::FreedSeatCounters, metrics::ResumeResult};

/// The registry of all players who have logged in and are either connected or held. `S` is the type of a detached seat.
#[derive(Debug)]
pub struct SessionRegistry<S> {
    state: Mutex<RegistryState<SessionNotifier, S>>,
    tickets: Tickets,
    /// The time for which players are held.
    epoch: Instant,
    metrics: Arc<Metrics>,
}

/// Notifies a session that the status of its lease has changed. Also serves as the identity of the session.
#[derive(Clone, Debug)]
struct SessionNotifier(Arc<Notify>);

impl PartialEq for SessionNotifier {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A session's lease on its player, which lasts until the session ends or a newer session takes the player. A lease that is dropped without
/// [`Self::end`], as by a panic, counts as a player who has left: no seat is held.
#[derive(Debug)]
pub struct SessionLease<S: HeldSeat> {
    registry: Arc<SessionRegistry<S>>,
    player: PlayerId,
    notifier: SessionNotifier,
    shown: TicketNumber,
    ticket: Ticket,
}

/// The tickets of a lease.
#[derive(Clone, Copy)]
struct LeaseTickets {
    /// The ticket that the player showed.
    shown: TicketNumber,
    /// The ticket issued for this session.
    issued: TicketNumber,
}

/// The lease of a session that resumed its player, and the place to which the player returns.
#[derive(Debug)]
pub struct ResumedSession<S: HeldSeat> {
    /// The session's lease on its player.
    pub lease: SessionLease<S>,
    /// Whether the player returns to a seat or to the lobby.
    pub target: ResumeTarget<S>,
}

/// The place to which a resumed player returns.
#[derive(Debug, PartialEq, Eq)]
pub enum ResumeTarget<S> {
    /// The player's seat.
    Seat(S),
    /// The lobby: the player had no seat, or was not restored after a restart of the server.
    Lobby,
    /// Not known yet: an older session still has the player. The lease is notified when that session has ended.
    Pending,
}

impl<S: HeldSeat> SessionRegistry<S> {
    /// Creates an empty registry. `run` is the number of this run of the server, which must be higher than in all earlier runs. Players are
    /// held for `hold`, and at most `max_held` of them at once.
    pub fn new(tickets: Tickets, run: u32, hold: Duration, max_held: usize, metrics: Arc<Metrics>) -> Self {
        let state = Mutex::new(RegistryState::new(run, hold, max_held));
        Self { state, tickets, epoch: Instant::now(), metrics }
    }

    /// The time for which players and their seats are held.
    pub fn hold(&self) -> Duration {
        self.lock().hold_time()
    }

    /// Replaces the time for which players are held from now on, and the maximum number of held players.
    pub fn set_limits(&self, hold: Duration, max_held: usize) {
        self.lock().set_limits(hold, max_held);
    }

    /// Adds a new player, and returns the lease of the player's first session.
    pub fn enter(self: &Arc<Self>, player: PlayerId) -> SessionLease<S> {
        let notifier = SessionNotifier::new();
        let number = self.lock().enter(player, notifier.clone());
        self.lease(player, notifier, LeaseTickets { shown: number, issued: number })
    }

    /// Holds a seat of an earlier run, which was restored with its room, for its player. The hold lasts at least `MIN_RESTART_HOLD_MS` and
    /// expires as any other. `ticket` is the newest ticket that the player is known to have. Must be called before connections are
    /// accepted, because a player who returns before the seat is restored becomes a new player.
    pub fn restore(&self, player: PlayerId, ticket: TicketNumber, seat: S) {
        let now = self.epoch.elapsed();
        drop(self.update(|state| state.restore(player, ticket, seat, now)));
    }

    /// Starts a new session of the player that the ticket names. If the ticket is of an earlier run and its player was not restored, the
    /// session is one of the new player `new_player` instead, who starts in the lobby.
    ///
    /// # Errors
    /// When this server did not issue the ticket, when the ticket was used before, or when the player is no longer held.
    pub fn resume(
        self: &Arc<Self>,
        ticket: &Ticket,
        new_player: PlayerId,
    ) -> Result<ResumedSession<S>, CloseReason> {
        let notifier = SessionNotifier::new();
        let Some(claims) = self.tickets.verify(ticket) else {
            self.metrics.resumed(ResumeResult::unknown);
            return Err(CloseReason::TicketUnknown);
        };
        let resumed = self.update(|state| state.resume(claims.player, claims.number, notifier.clone()));
        let (issued, result, target) = match resumed {
            Ok(Resumed { ticket, outcome: ResumeOutcome::Ready(seat) }) => {
                (ticket, ResumeResult::resumed, seat.map_or(ResumeTarget::Lobby, ResumeTarget::Seat))
            }
            Ok(Resumed { ticket, outcome: ResumeOutcome::Moving(from) }) => {
                from.notify();
                (ticket, ResumeResult::replaced, ResumeTarget::Pending)
            }
            Ok(Resumed { ticket, outcome: ResumeOutcome::Waiting }) => {
                (ticket, ResumeResult::replaced, ResumeTarget::Pending)
            }
            Err(ResumeError::Used) => {
                self.metrics.resumed(ResumeResult::used);
                return Err(CloseReason::TicketUsed);
            }
            Err(ResumeError::Expired) => {
                self.metrics.resumed(ResumeResult::expired);
                return Err(CloseReason::TicketExpired);
            }
            Err(ResumeError::Forgotten) => {
                self.metrics.resumed(ResumeResult::forgotten);
                return Ok(ResumedSession { lease: self.enter(new_player), target: ResumeTarget::Lobby });
            }
        };
        self.metrics.resumed(result);
        let lease = self.lease(claims.player, notifier, LeaseTickets { shown: claims.number, issued });
        Ok(ResumedSession { lease, target })
    }

    /// Frees held seats whose hold has expired or that their room has revoked. The server calls this once a second, so a seat is held for
    /// up to a second longer than configured.
    pub fn sweep(&self) {
        let now = self.epoch.elapsed();
        drop(self.update(|state| state.sweep(now)));
    }

    /// Frees all held seats, and stops holding players, because the server stops.
    pub fn close(&self) {
        drop(self.update(RegistryState::close));
    }

    /// Creates a session's lease, and issues its ticket.
    fn lease(
        self: &Arc<Self>,
        player: PlayerId,
        notifier: SessionNotifier,
        tickets: LeaseTickets,
    ) -> SessionLease<S> {
        let ticket = self.tickets.issue(player, tickets.issued);
        SessionLease { registry: Arc::clone(self), player, notifier, shown: tickets.shown, ticket }
    }

    /// Updates the state and the metrics of held seats. The result may contain seats; the caller drops them after the lock is released.
    fn update<T>(&self, update: impl FnOnce(&mut RegistryState<SessionNotifier, S>) -> T) -> T {
        let mut state = self.lock();
        let result = update(&mut state);
        self.metrics.seats_held.set(state.held_seats() as i64);
        let FreedSeats { evicted, revoked } = state.take_freed();
        self.metrics.held_seats_freed.evicted.inc_by(evicted);
        self.metrics.held_seats_freed.queue_full.inc_by(revoked);
        result
    }

    fn lock(&self) -> MutexGuard<'_, RegistryState<SessionNotifier, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: HeldSeat> SessionLease<S> {
    /// The player of the session.
    pub const fn player(&self) -> PlayerId {
        self.player
    }

    /// The number of the ticket that the player has shown, and so has for certain; that of the first ticket for a new player. The ticket
    /// that was issued for this session may not reach the player.
    pub const fn shown(&self) -> TicketNumber {
        self.shown
    }

    /// The ticket that was issued for this session, with which the player can resume after it.
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The counters of held seats that were freed early, for a returned seat that cannot be resumed.
    pub fn freed_seats(&self) -> &FreedSeatCounters {
        &self.registry.metrics.held_seats_freed
    }

    /// Waits for a notification of a changed status. It may be spurious; [`Self::poll`] returns the status.
    pub fn notified(&self) -> impl Future<Output = ()> + Send + use<S> {
        let notify = Arc::clone(&self.notifier.0);
        async move { notify.notified().await }
    }

    /// Returns the status of the lease, with the seat that has arrived for the session.
    pub fn poll(&self) -> LeaseStatus<S> {
        self.registry.update(|state| state.poll(self.player, &self.notifier))
    }

    /// Ends the lease. The session's seat moves to the session that replaces it, if there is one; otherwise the seat is held if the
    /// connection was lost, and freed if the player has left.
    pub fn end(self, seat: Option<S>, kind: EndKind) {
        self.release(seat, kind);
        // `drop` releases the lease a second time, which has no effect.
    }

    fn release(&self, seat: Option<S>, kind: EndKind) {
        let now = self.registry.epoch.elapsed();
        let effects = self.registry.update(|state| state.end(self.player, &self.notifier, seat, kind, now));
        let Effects { notify, freed } = effects;
        if let Some(next) = notify {
            next.notify();
        }
        drop(freed);
    }
}

impl<S: HeldSeat> Drop for SessionLease<S> {
    fn drop(&mut self) {
        self.release(None, EndKind::Gone);
    }
}

impl SessionNotifier {
    fn new() -> Self {
        Self(Arc::new(Notify::new()))
    }

    fn notify(&self) {
        self.0.notify_one();
    }
}
