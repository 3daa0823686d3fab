//! The registry of players as a pure state machine: which session is live, whose seat is held, and who gets it. A seat outlives its
//! connection, and never has two owners.
//!
//! Every welcomed player has one entry, and all transitions of an entry happen here, one at a time:
//!
//! ```text
//!            enter            lost                  expired, evicted
//!   (none) ─────────▶ Live ─────────▶ Held ───────────────────────────────▶ (none)
//!                     │ ▲ ▲             │
//!              resume │ │ └─────────────┘ resume
//!                     ▼ │
//!                  Moving ──▶ Arrived        the older session is asked to end; the newer one waits for its seat
//! ```
//!
//! A restarted server restores the seats of the previous run, and starts with their players as Held. Runs are numbered upwards, and a
//! ticket of a later run or with a higher count is newer: two tickets of one player are always ordered.
//!
//! Concurrent events are applied in one order or the other, and each order has its rule:
//!
//! - *Two resumes with one ticket*: the first succeeds; for the second the ticket is used.
//! - *A second login and the end of the first session*: if the login is first, the seat moves however the first session ends, even
//!   if its player leaves. If the end is first, the seat is held, or freed if the player left.
//! - *A newer session that ends before it has the seat*: the seat is held for its player, and the ticket that was shown is valid again.
//!   The same holds when a session is lost before the peer sent anything: the player may not have received the new ticket.
//! - *Resume and expiry*: until the next sweep, the seat still exists and is given back.
//! - *A session that panics*: it returns no seat, so its seat is freed and the newer session gets to the lobby.
//! - *A room that ends while one of its seats is held*: the seat is given back with all its messages, the room's end as the last one.
//!   Only a seat that the room revoked, because more happened than its queue holds, is gone: its messages have a gap.
//! - *A join that is not complete when the connection is lost*: the seat was never taken, and is not held.
//! - *A restored player*: the journal knows the player's tickets only up to some hundred milliseconds, and maybe a restart, before
//!   the crash. So every ticket of an earlier run that is not older than the known one is valid. From the first resume on, the
//!   ordinary rules apply.
//! - *A ticket of an earlier run whose player was not restored*: it is forgotten, even if another player has the same number now. That
//!   is no fault of its owner, who was in no room or took a seat just before the crash: they are welcomed as a new player.
//! - *A stop of the server*: no seat is held any more, and rooms do not wait for held seats.
//!
//! At most `max_held` players are held. At the limit, players without a seat are evicted first, then the seat that was held longest: a
//! client that connects and disconnects all day cannot evict a seat unless it takes seats.

use std::{collections::BTreeMap, time::Duration};

use quarrel_shared::{id::PlayerId, limits::MIN_RESTART_HOLD_MS, protocol::TicketNumber};

/// A seat that can be held while its player is away.
pub trait HeldSeat {
    /// Marks the player as away.
    fn hold(&self);

    /// Whether the room has revoked the seat, so that it cannot be resumed.
    fn is_revoked(&self) -> bool;
}

/// The entries of all players. `N` identifies a session and can notify it; `S` is a detached seat.
#[derive(Debug)]
pub struct RegistryState<N, S> {
    players: BTreeMap<PlayerId, Entry<N, S>>,
    /// The held players, in the order of their eviction.
    held: BTreeMap<HoldKey, PlayerId>,
    /// The number of held players with a seat.
    held_seats: usize,
    next_sequence: u64,
    run: u32,
    hold: Duration,
    max_held: usize,
}

#[derive(Debug)]
struct Entry<N, S> {
    /// The first run whose tickets belong to this player: in earlier runs the number may have been another player's.
    first_run: u32,
    /// The newest ticket issued to the player, as far as is known.
    newest: TicketNumber,
    /// The ticket that the player showed last. It is valid again if the player did not receive the newest one.
    shown: TicketNumber,
    state: PlayerState<N, S>,
}

#[derive(Debug)]
enum PlayerState<N, S> {
    /// A session has the player.
    Live(N),
    /// A newer session `to` waits for the seat of the older session `from`; `None` if the newer one has ended.
    Moving { from: N, to: Option<N> },
    /// The older session has ended, and the newer one has not taken the seat yet.
    Arrived { to: N, seat: Option<S> },
    /// No session has the player, and the seat is held until a deadline.
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
    /// The state of the player's seat.
    pub outcome: ResumeOutcome<N, S>,
}

/// The state of the seat of a resumed player.
#[derive(Debug, PartialEq, Eq)]
pub enum ResumeOutcome<N, S> {
    /// The seat, if the player had one, is available at once.
    Ready(Option<S>),
    /// An older session still has it: the caller must notify that session.
    Moving(N),
    /// An older session still has it, and was notified by an earlier resume.
    Waiting,
}

/// A reason why a ticket is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeError {
    /// The ticket was shown before.
    Used,
    /// The player is no longer held.
    Expired,
    /// The ticket is of an earlier run, and its player was not restored with a room.
    Forgotten,
}

/// The way a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// The connection was lost, and the player may return.
    Lost {
        /// Whether the player has received the newest ticket, shown by any message after the welcome.
        has_ticket: bool,
    },
    /// Any other end: the player does not return to the seat.
    Gone,
}

/// The effects that the caller must carry out: notify a session, and drop seats, preferably without holding a lock.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Effects<N, S> {
    /// The session whose status has changed.
    pub notify: Option<N>,
    /// Seats without an owner.
    pub freed: Vec<S>,
}

/// The status of a session's claim to its player.
#[derive(Debug, PartialEq, Eq)]
pub enum LeaseStatus<S> {
    /// Nothing has changed.
    Unchanged,
    /// The older session has ended and left its seat, if it had one.
    Arrived(Option<S>),
    /// A newer session has the player.
    Replaced,
}

impl<N: Clone + PartialEq, S: HeldSeat> RegistryState<N, S> {
    /// An empty registry for a run, whose number is higher than any before. Players are held for `hold`, not at all if it is zero,
    /// and at most `max_held` of them at once.
    pub const fn new(run: u32, hold: Duration, max_held: usize) -> Self {
        Self {
            players: BTreeMap::new(),
            held: BTreeMap::new(),
            held_seats: 0,
            next_sequence: 0,
            run,
            hold,
            max_held,
        }
    }

    /// Adds a new player with the session `me`, and returns the number of the player's first ticket.
    pub fn enter(&mut self, player: PlayerId, me: N) -> TicketNumber {
        let first = TicketNumber { run: self.run, count: 0 };
        let entry = Entry { first_run: self.run, newest: first, shown: first, state: PlayerState::Live(me) };
        self.players.insert(player, entry);
        first
    }

    /// Adds a held player of an earlier run whose seat was restored; `ticket` is the newest ticket that the player is known to have.
    /// The player is held for at least [`MIN_RESTART_HOLD_MS`], unless holding is disabled. Returns the seats without an owner.
    pub fn restore(&mut self, player: PlayerId, ticket: TicketNumber, seat: S, now: Duration) -> Vec<S> {
        // New players get higher numbers than all restored ones. If a player exists all the same, it keeps its entry.
        if self.players.contains_key(&player) {
            return vec![seat];
        }
        // `hold` below sets the real key; until then no held player has this one.
        let key = HoldKey { has_seat: false, sequence: self.next_sequence };
        let state = PlayerState::Held { seat: None, key, until: now };
        self.players.insert(player, Entry { first_run: ticket.run, newest: ticket, shown: ticket, state });
        let hold = self.hold.max(Duration::from_millis(MIN_RESTART_HOLD_MS.into()));
        self.hold(player, Some(seat), now + hold).freed
    }

    /// Resumes a player with the session `me` and the ticket `shown`.
    ///
    /// # Errors
    /// When the ticket is not valid; then nothing changes.
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
            return Err(if shown.run < entry.first_run { ResumeError::Forgotten } else { ResumeError::Used });
        }
        // A ticket of this run that was not issued yet can exist only if a clock or a disk was reset, and nothing belongs to it.
        // Not all tickets of earlier runs are known.
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
            // The waiting session has not been sent its ticket, so no client can show it. If one did, it would get the seat.
            PlayerState::Arrived { seat, .. } => ResumeOutcome::Ready(seat),
        };
        Ok(Resumed { ticket, outcome })
    }

    /// Returns the status of the session `me`, and the seat that has arrived for it.
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

    /// Ends the session `me`, which gives back its seat.
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

    /// Removes the players whose hold has expired, and the held seats that their room has revoked. Returns these seats.
    pub fn sweep(&mut self, now: Duration) -> Vec<S> {
        let is_expired = |player: PlayerId| match self.players.get(&player).map(|entry| &entry.state) {
            Some(PlayerState::Held { until, .. }) => now >= *until,
            _ => true,
        };
        // All held players are checked: restored players may be held for longer than players who were held later.
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
                freed.push(seat);
            }
        }
        freed
    }

    /// Stops holding players, and returns all held seats.
    pub fn close(&mut self) -> Vec<S> {
        self.hold = Duration::ZERO;
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

    fn hold(&mut self, player: PlayerId, seat: Option<S>, until: Duration) -> Effects<N, S> {
        let mut freed = Vec::new();
        if self.hold.is_zero() {
            self.players.remove(&player);
            return Effects { notify: None, freed: seat.into_iter().collect() };
        }
        while self.held.len() >= self.max_held {
            let Some((&key, &first)) = self.held.first_key_value() else { break };
            freed.extend(self.remove_held(key, first));
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

    fn remove_held(&mut self, key: HoldKey, player: PlayerId) -> Option<S> {
        self.held.remove(&key);
        let PlayerState::Held { seat, .. } = self.players.remove(&player)?.state else { return None };
        self.held_seats -= usize::from(seat.is_some());
        seat
    }
}

#[cfg(test)]
mod tests;
