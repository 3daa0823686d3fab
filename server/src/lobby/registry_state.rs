//! The state machine of the session registry: which session has a player, whose seat is held, and which session gets it. A seat outlives
//! its connection, and never has two owners. Has no I/O; the caller passes the time.
//!
//! Every player who has logged in has one entry, in one of four states:
//!
//! ```text
//!            enter            lost                  expired, evicted
//!   (none) ─────────▶ Live ─────────▶ Held ───────────────────────────────▶ (none)
//!                     │ ▲ ▲             │
//!              resume │ │ └─────────────┘ resume
//!                     ▼ │
//!                  Moving ──▶ Arrived        the older session is asked to end; the newer one waits for the seat
//! ```
//!
//! Not drawn: a Live player who leaves is removed. Moving and Arrived become Held when the newer session ends too early. Arrived becomes
//! Live when the newer session takes the seat.
//!
//! A *run* is one run of the server process. A restarted server restores the seats of the previous run, and starts with their players as
//! Held. Runs are numbered upwards, and a ticket of a later run, or of the same run with a higher count, is newer. So any two tickets of a
//! player are ordered.
//!
//! Concurrent events are applied one after the other, in either order:
//!
//! - *Two resumes with one ticket*: the first succeeds; the second is refused, because the ticket was used.
//! - *A second login and the end of the first session*: if the login comes first, the seat moves to the second session after any end
//!   of the first one, even if its player leaves. If the end comes first, the seat is held, or freed if the player has left.
//! - *A newer session that ends before it has taken the seat*: the seat is held for its player, and the ticket that was shown is valid
//!   again. The shown ticket is also valid again after a session that was lost before the peer sent anything, because the player may not
//!   have received the new ticket.
//! - *Resume and expiry*: until the next sweep, the seat still exists and is given back.
//! - *A session that panics*: it returns no seat, so its seat is freed, and a newer session that waits for the seat gets to the lobby.
//! - *A room that ends while one of its seats is held*: the seat is given back with all its messages, of which the room's end is the last.
//!   Only a seat that the room has revoked, because the seat's queue overflowed, cannot be given back: its messages have a gap.
//! - *A join that is not complete when the connection is lost*: the player has no seat yet, so none is held.
//! - *A restored player*: the newest ticket in the journal may be some hundred milliseconds older than the crash, or even of the run before.
//!   So every ticket of an earlier run that is not older than the one in the journal is valid. From the first resume on, the ordinary
//!   rules apply.
//! - *A ticket of an earlier run whose player was not restored*: the ticket is forgotten. Its owner was in no room, or took a seat just before
//!   the crash, and becomes a new player.
//! - *A stop of the server*: no seat is held any more, and rooms do not wait for held seats.
//!
//! At most `max_held` players are held. At the limit, players without a seat are evicted first, then the player whose seat was held
//! longest. So a client that connects and disconnects all day cannot evict a seat unless it takes seats itself.

use std::{collections::BTreeMap, time::Duration};

use quarrel_shared::{id::PlayerId, limits::MIN_RESTART_HOLD_MS, protocol::TicketNumber};

/// A seat that can be held while its player is away.
pub trait HeldSeat {
    /// Marks the player as away in the room, because the seat is held.
    fn hold(&self);

    /// Returns true if the room has revoked the seat, so that it cannot be resumed.
    fn is_revoked(&self) -> bool;
}

/// The entries of all players. `N` identifies a session, and the caller can notify the session by it; `S` is the type of a detached seat.
#[derive(Debug)]
pub struct RegistryState<N, S> {
    players: BTreeMap<PlayerId, Entry<N, S>>,
    /// The held players, in the order of their eviction.
    held: BTreeMap<HoldKey, PlayerId>,
    /// The number of held players with a seat.
    held_seats: usize,
    /// The sequence number of the next hold.
    next_sequence: u64,
    /// The number of this run of the server.
    run: u32,
    /// The time for which players are held; zero disables holding.
    hold: Duration,
    max_held: usize,
    /// Whether the server stops, and no player is held any more.
    is_closed: bool,
    freed: FreedSeats,
}

/// The numbers of held seats that were freed before their hold ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreedSeats {
    /// Seats of evicted players.
    pub evicted: u64,
    /// Seats that their rooms had revoked.
    pub revoked: u64,
}

/// The entry of one player.
#[derive(Debug)]
struct Entry<N, S> {
    /// The newest ticket that is known to be issued to the player.
    newest: TicketNumber,
    /// The oldest ticket that is valid while the player is held: the one that the player showed last, or `newest` once the player is known
    /// to have received it.
    shown: TicketNumber,
    state: PlayerState<N, S>,
}

/// The session or sessions that have a player, or the deadline until which the player is held.
#[derive(Debug)]
enum PlayerState<N, S> {
    /// This session has the player.
    Live(N),
    /// The newer session `to` waits until the older session `from` ends. `to` is `None` if the newer session has ended meanwhile.
    Moving { from: N, to: Option<N> },
    /// The older session has ended, and the newer session `to` has not taken its seat yet.
    Arrived { to: N, seat: Option<S> },
    /// No session has the player. The player, and the seat if there is one, are held until a deadline.
    Held { seat: Option<S>, key: HoldKey, until: Duration },
}

/// The position of a held player in the order of eviction: players without a seat first, then the longest held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HoldKey {
    has_seat: bool,
    sequence: u64,
}

/// A successful resume.
#[derive(Debug, PartialEq, Eq)]
pub struct Resumed<N, S> {
    /// The number of the new ticket to issue to the player.
    pub ticket: TicketNumber,
    /// The place of the player's seat.
    pub outcome: ResumeOutcome<N, S>,
}

/// The place of a resumed player's seat.
#[derive(Debug, PartialEq, Eq)]
pub enum ResumeOutcome<N, S> {
    /// No other session has the player. This is the player's seat, if there is one.
    Ready(Option<S>),
    /// This older session still has the player; the caller must notify it.
    Moving(N),
    /// An older session still has the player, and was notified of an earlier resume.
    Waiting,
}

/// A reason why a ticket is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeError {
    /// The player has shown this ticket or a newer one before.
    Used,
    /// The player is no longer held, or the ticket was never issued.
    Expired,
    /// The ticket is of an earlier run, and its player was not restored with a room.
    Forgotten,
}

/// The end of a session, as far as it matters to the player's seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// The connection was lost, and the player may return.
    Lost {
        /// Whether the player has received the newest ticket. The player has if the session received anything after its welcome.
        has_ticket: bool,
    },
    /// Any other end. The player does not return, and the seat is freed unless a newer session waits for it.
    Gone,
}

/// The effects of a session's end, which the caller must carry out: notify a session and drop seats, the latter without holding a lock.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Effects<N, S> {
    /// The session for which a seat has arrived.
    pub notify: Option<N>,
    /// Seats that have no owner any more.
    pub freed: Vec<S>,
}

/// The status of a session's lease on its player.
#[derive(Debug, PartialEq, Eq)]
pub enum LeaseStatus<S> {
    /// The session has the player, or still waits for the older session to end.
    Unchanged,
    /// The older session has ended, and this is its seat, if it had one. Returned once.
    Arrived(Option<S>),
    /// The session no longer has the player: a newer session has, or the player is gone.
    Replaced,
}

impl<N: Clone + PartialEq, S: HeldSeat> RegistryState<N, S> {
    /// Creates an empty registry for the run of the server with this number, which must be higher than that of all earlier runs. Players
    /// are held for `hold` (not at all if it is zero), and at most `max_held` of them at once.
    pub const fn new(run: u32, hold: Duration, max_held: usize) -> Self {
        Self {
            players: BTreeMap::new(),
            held: BTreeMap::new(),
            held_seats: 0,
            next_sequence: 0,
            run,
            hold,
            max_held,
            is_closed: false,
            freed: FreedSeats { evicted: 0, revoked: 0 },
        }
    }

    /// Replaces the time for which players are held from now on, and the maximum number of held players. After [`Self::close`], no player is
    /// held any more.
    pub const fn set_limits(&mut self, hold: Duration, max_held: usize) {
        if !self.is_closed {
            self.hold = hold;
        }
        self.max_held = max_held;
    }

    /// The time for which players are held.
    pub const fn hold_time(&self) -> Duration {
        self.hold
    }

    /// Adds a new player with the session `me`, and returns the number of the player's first ticket.
    pub fn enter(&mut self, player: PlayerId, me: N) -> TicketNumber {
        let first = TicketNumber { run: self.run, count: 0 };
        let entry = Entry { newest: first, shown: first, state: PlayerState::Live(me) };
        self.players.insert(player, entry);
        first
    }

    /// Adds a held player of an earlier run whose seat was restored; `ticket` is the newest ticket that the player is known to have.
    /// The player is held for at least [`MIN_RESTART_HOLD_MS`], unless holding is disabled. Returns the seats that have no owner: this one
    /// if the player cannot be held, and those of evicted players.
    pub fn restore(&mut self, player: PlayerId, ticket: TicketNumber, seat: S, now: Duration) -> Vec<S> {
        // An id is unique in all runs. If the player exists all the same, the existing entry stays.
        if self.players.contains_key(&player) {
            return vec![seat];
        }
        // A placeholder: `hold` below sets the real key, and inserts the player into `held`.
        let key = HoldKey { has_seat: false, sequence: self.next_sequence };
        let state = PlayerState::Held { seat: None, key, until: now };
        self.players.insert(player, Entry { newest: ticket, shown: ticket, state });
        let hold = self.hold.max(Duration::from_millis(MIN_RESTART_HOLD_MS.into()));
        self.hold(player, Some(seat), now + hold).freed
    }

    /// Resumes a player who has shown the ticket `shown`, with the session `me`. Issues a new ticket.
    ///
    /// # Errors
    /// When the ticket is not valid. The state does not change then.
    pub fn resume(
        &mut self,
        player: PlayerId,
        shown: TicketNumber,
        me: N,
    ) -> Result<Resumed<N, S>, ResumeError> {
        let is_earlier_run = shown.run < self.run;
        let missing = if is_earlier_run { ResumeError::Forgotten } else { ResumeError::Expired };
        let entry = self.players.get_mut(&player).ok_or(missing)?;
        let oldest_valid = match &entry.state {
            PlayerState::Held { .. } | PlayerState::Moving { to: None, .. } => entry.shown,
            PlayerState::Live(_) | PlayerState::Moving { .. } | PlayerState::Arrived { .. } => entry.newest,
        };
        if shown < oldest_valid {
            return Err(ResumeError::Used);
        }
        // A ticket of this run that is newer than any issued one can exist only if a clock or a disk was reset, and no seat belongs to it.
        // A ticket of an earlier run may be newer than the journal knew.
        if shown > entry.newest && !is_earlier_run {
            return Err(ResumeError::Expired);
        }
        entry.shown = shown;
        let count = if entry.newest.run == self.run { entry.newest.count.saturating_add(1) } else { 0 };
        entry.newest = TicketNumber { run: self.run, count };
        let ticket = entry.newest;
        let outcome = match std::mem::replace(&mut entry.state, PlayerState::Live(me.clone())) {
            PlayerState::Held { seat, key, .. } => {
                self.held.remove(&key);
                self.held_seats -= usize::from(seat.is_some());
                ResumeOutcome::Ready(seat)
            }
            PlayerState::Live(from) => {
                entry.state = PlayerState::Moving { from: from.clone(), to: Some(me) };
                ResumeOutcome::Moving(from)
            }
            PlayerState::Moving { from, .. } => {
                entry.state = PlayerState::Moving { from, to: Some(me) };
                ResumeOutcome::Waiting
            }
            // The waiting session has not sent its ticket to a client yet, so no client can show it. A client that did would get the seat.
            PlayerState::Arrived { seat, .. } => ResumeOutcome::Ready(seat),
        };
        Ok(Resumed { ticket, outcome })
    }

    /// Returns the status of the lease of the session `me`, with the seat that has arrived for the session.
    pub fn poll(&mut self, player: PlayerId, me: &N) -> LeaseStatus<S> {
        let Some(entry) = self.players.get_mut(&player) else { return LeaseStatus::Replaced };
        match &mut entry.state {
            PlayerState::Arrived { to, seat } if to == me => {
                let seat = seat.take();
                entry.state = PlayerState::Live(me.clone());
                LeaseStatus::Arrived(seat)
            }
            PlayerState::Live(owner) | PlayerState::Moving { to: Some(owner), .. } if owner == me => {
                LeaseStatus::Unchanged
            }
            _ => LeaseStatus::Replaced,
        }
    }

    /// Ends the session `me`, which returns its seat, if it has one.
    pub fn end(
        &mut self,
        player: PlayerId,
        me: &N,
        seat: Option<S>,
        kind: EndKind,
        now: Duration,
    ) -> Effects<N, S> {
        let free = |seat: Option<S>| Effects { notify: None, freed: seat.into_iter().collect() };
        let Some(entry) = self.players.get_mut(&player) else { return free(seat) };
        match &mut entry.state {
            PlayerState::Live(owner) if owner == me => match kind {
                EndKind::Lost { has_ticket } => {
                    if has_ticket {
                        entry.shown = entry.newest;
                    }
                    self.hold(player, seat, now + self.hold)
                }
                EndKind::Gone => {
                    self.players.remove(&player);
                    free(seat)
                }
            },
            PlayerState::Moving { from, to } if from == me => match to.take() {
                Some(to) => {
                    entry.state = PlayerState::Arrived { to: to.clone(), seat };
                    Effects { notify: Some(to), freed: Vec::new() }
                }
                None => self.hold(player, seat, now + self.hold),
            },
            PlayerState::Moving { to, .. } if to.as_ref() == Some(me) => {
                *to = None;
                free(seat)
            }
            PlayerState::Arrived { to, seat: arrived } if to == me => {
                let arrived = arrived.take();
                self.hold(player, arrived, now + self.hold)
            }
            _ => free(seat),
        }
    }

    /// Removes the players whose hold has expired, and those whose held seats were revoked by their rooms. Returns the seats of both.
    pub fn sweep(&mut self, now: Duration) -> Vec<S> {
        let is_expired = |player: PlayerId| match self.players.get(&player).map(|entry| &entry.state) {
            Some(PlayerState::Held { until, .. }) => now >= *until,
            _ => true,
        };
        // All held players are checked, because restored players may be held for longer than players who were held later.
        let held = self.held.iter().map(|(key, player)| (*key, *player));
        let expired: Vec<_> = held.filter(|(_, player)| is_expired(*player)).collect();
        let mut freed = Vec::new();
        expired.into_iter().for_each(|(key, player)| freed.extend(self.remove_held(key, player)));
        for player in self.held.values() {
            let Some(Entry { state: PlayerState::Held { seat, .. }, .. }) = self.players.get_mut(player)
            else {
                continue;
            };
            if let Some(seat) = seat.take_if(|seat| seat.is_revoked()) {
                self.held_seats -= 1;
                self.freed.revoked += 1;
                freed.push(seat);
            }
        }
        freed
    }

    /// Stops holding players, and returns all held seats.
    pub fn close(&mut self) -> Vec<S> {
        (self.hold, self.is_closed) = (Duration::ZERO, true);
        let mut freed = Vec::new();
        while let Some((&key, &player)) = self.held.first_key_value() {
            freed.extend(self.remove_held(key, player));
        }
        freed
    }

    /// The number of held seats.
    pub const fn held_seats(&self) -> usize {
        self.held_seats
    }

    /// Returns the numbers of seats freed before their hold ended since the last call.
    pub const fn take_freed(&mut self) -> FreedSeats {
        std::mem::replace(&mut self.freed, FreedSeats { evicted: 0, revoked: 0 })
    }

    /// Holds a player with this seat until a deadline, and evicts players above the limit.
    fn hold(&mut self, player: PlayerId, seat: Option<S>, until: Duration) -> Effects<N, S> {
        let mut freed = Vec::new();
        if self.hold.is_zero() {
            self.players.remove(&player);
            return Effects { notify: None, freed: seat.into_iter().collect() };
        }
        while self.held.len() >= self.max_held {
            let Some((&key, &first)) = self.held.first_key_value() else { break };
            let seat = self.remove_held(key, first);
            self.freed.evicted += u64::from(seat.is_some());
            freed.extend(seat);
        }
        if let Some(seat) = &seat {
            seat.hold();
            self.held_seats += 1;
        }
        let key = HoldKey { has_seat: seat.is_some(), sequence: self.next_sequence };
        self.next_sequence += 1;
        self.held.insert(key, player);
        if let Some(entry) = self.players.get_mut(&player) {
            entry.state = PlayerState::Held { seat, key, until };
        }
        Effects { notify: None, freed }
    }

    /// Removes a held player, and returns the player's seat.
    fn remove_held(&mut self, key: HoldKey, player: PlayerId) -> Option<S> {
        self.held.remove(&key);
        let PlayerState::Held { seat, .. } = self.players.remove(&player)?.state else { return None };
        self.held_seats -= usize::from(seat.is_some());
        seat
    }
}

#[cfg(test)]
mod tests;
