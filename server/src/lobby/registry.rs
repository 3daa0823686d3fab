//! Keeps seats for players who are away, and hands them over: [`HeldState`] behind a lock, with tickets, bells and numbers.
//!
//! The lock is held for as long as a few map entries take, never across an await, and no seat is dropped under it. Sessions come
//! here when they begin, when they end and when they are rung for, never for a packet.

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
    held::{Aftermath, Comeback, HeldSeat, HeldState, Leaving, NoResume, Resumed, Standing},
    tickets::Tickets,
};
use crate::telemetry::{Metrics, metrics::ResumeResult};

/// Everybody who was welcomed and may come back. `S` is what is kept of a seat.
#[derive(Debug)]
pub struct SessionRegistry<S> {
    held: Mutex<HeldState<Bell, S>>,
    tickets: Tickets,
    hold: Duration,
    epoch: Instant,
    metrics: Arc<Metrics>,
}

/// Tells a session that something has become of its player; and which session it is.
#[derive(Clone, Debug)]
struct Bell(Arc<Notify>);

impl PartialEq for Bell {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A session's place with the registry. Dropped without a word, as by a panic, it leaves nothing behind.
#[derive(Debug)]
pub struct Stay<S: HeldSeat> {
    registry: Arc<SessionRegistry<S>>,
    player: PlayerId,
    bell: Bell,
    shown: TicketNumber,
    ticket: Ticket,
}

impl<S: HeldSeat> SessionRegistry<S> {
    /// Of this run of the server, which is higher than any before; holds seats for `hold`, at most `most` of them.
    pub fn new(tickets: Tickets, run: u32, hold: Duration, most: usize, metrics: Arc<Metrics>) -> Self {
        let held = Mutex::new(HeldState::new(run, hold, most));
        Self { held, tickets, hold, epoch: Instant::now(), metrics }
    }

    /// For how long seats are held.
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// A new player.
    pub fn enter(self: &Arc<Self>, player: PlayerId) -> Stay<S> {
        let bell = Bell::new();
        let number = self.lock().enter(player, bell.clone());
        self.stay(player, bell, (number, number))
    }

    /// A seat that was brought back from an earlier run waits for its player from now on, and falls free like any other that is held.
    /// `ticket` is the newest that they are known to have. Before anybody is let in: whoever comes back earlier than their seat is
    /// welcomed as somebody new.
    pub fn restore(&self, player: PlayerId, ticket: TicketNumber, seat: S) {
        let now = self.epoch.elapsed();
        drop(self.change(|held| held.restore(player, ticket, seat, now)));
    }

    /// Somebody who says that they were here before, and what they come back to; `None`: the bell rings when it is there. Whom the
    /// server forgot when it started again is the `newcomer` from now on, and comes back to nothing.
    ///
    /// # Errors
    /// What is wrong with their ticket.
    pub fn resume(
        self: &Arc<Self>,
        ticket: &Ticket,
        newcomer: PlayerId,
    ) -> Result<(Stay<S>, Option<Option<S>>), CloseReason> {
        let bell = Bell::new();
        let Some(claim) = self.tickets.read(ticket) else {
            self.metrics.resumed(ResumeResult::unknown);
            return Err(CloseReason::TicketUnknown);
        };
        let resumed = self.change(|held| held.resume(claim.player, claim.number, bell.clone()));
        let (result, outcome) = match resumed {
            Ok(Resumed { ticket, comeback: Comeback::Held(seat) }) => {
                (ResumeResult::resumed, Ok((ticket, Some(seat))))
            }
            Ok(Resumed { ticket, comeback: Comeback::Moving(from) }) => {
                from.ring();
                (ResumeResult::replaced, Ok((ticket, None)))
            }
            Ok(Resumed { ticket, comeback: Comeback::Waiting }) => {
                (ResumeResult::replaced, Ok((ticket, None)))
            }
            Err(NoResume::Used) => (ResumeResult::used, Err(CloseReason::TicketUsed)),
            Err(NoResume::Expired) => (ResumeResult::expired, Err(CloseReason::TicketExpired)),
            Err(NoResume::Forgotten) => {
                self.metrics.resumed(ResumeResult::forgotten);
                return Ok((self.enter(newcomer), Some(None)));
            }
        };
        self.metrics.resumed(result);
        outcome.map(|(number, comeback)| (self.stay(claim.player, bell, (claim.number, number)), comeback))
    }

    /// Gives up seats that were held long enough. Called once a second, so a seat is held up to a second longer than promised.
    pub fn sweep(&self) {
        let now = self.epoch.elapsed();
        drop(self.change(|held| held.sweep(now)));
    }

    /// Gives up all seats, and holds none from now on: the server stops.
    pub fn close(&self) {
        drop(self.change(HeldState::close));
    }

    fn stay(
        self: &Arc<Self>,
        player: PlayerId,
        bell: Bell,
        (shown, given): (TicketNumber, TicketNumber),
    ) -> Stay<S> {
        let ticket = self.tickets.give(player, given);
        Stay { registry: Arc::clone(self), player, bell, shown, ticket }
    }

    /// Changes who is held; what the change gives is dropped by the caller, when the lock is free again.
    fn change<T>(&self, change: impl FnOnce(&mut HeldState<Bell, S>) -> T) -> T {
        let mut held = self.lock();
        let changed = change(&mut held);
        self.metrics.seats_held.set(held.seats() as i64);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, HeldState<Bell, S>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: HeldSeat> Stay<S> {
    /// Whose it is.
    pub const fn player(&self) -> PlayerId {
        self.player
    }

    /// Which of their tickets they came with, and so have for certain; their first, who came without one. What they were given for it
    /// they may never hear of.
    pub const fn shown(&self) -> TicketNumber {
        self.shown
    }

    /// What brings them back.
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Waits for the bell. It may ring for nothing.
    pub fn rung(&self) -> impl Future<Output = ()> + Send + use<S> {
        let bell = Arc::clone(&self.bell.0);
        async move { bell.notified().await }
    }

    /// What the bell was rung for.
    pub fn look(&self) -> Standing<S> {
        self.registry.change(|held| held.look(self.player, &self.bell))
    }

    /// The session ends. Its seat goes to whoever replaces it, else it is held if the connection was lost, else it is free.
    pub fn leave(self, seat: Option<S>, how: Leaving) {
        self.let_go(seat, how);
        // What `drop` does now finds nothing that is this session's.
    }

    fn let_go(&self, seat: Option<S>, how: Leaving) {
        let now = self.registry.epoch.elapsed();
        let left = self.registry.change(|held| held.leave(self.player, &self.bell, seat, how, now));
        let Aftermath { ring, free } = left;
        if let Some(next) = ring {
            next.ring();
        }
        drop(free);
    }
}

impl<S: HeldSeat> Drop for Stay<S> {
    fn drop(&mut self) {
        self.let_go(None, Leaving::Gone);
    }
}

impl Bell {
    fn new() -> Self {
        Self(Arc::new(Notify::new()))
    }

    fn ring(&self) {
        self.0.notify_one();
    }
}
