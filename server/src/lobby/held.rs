//! Who is connected, whose seat waits for them, and who gets it: a seat outlives its connection, and never has two owners. Pure.
//!
//! Every player who was welcomed has one entry, and all that can happen to it happens here, one thing after the other:
//!
//! ```text
//!            enter            lost                  expired, crowded out
//!   (none) ─────────▶ Live ─────────▶ Held ───────────────────────────────▶ (none)
//!                     │ ▲ ▲             │
//!              resume │ │ └─────────────┘ resume
//!                     ▼ │
//!                  Moving ──▶ Arrived        the older session is told to go; the newer one waits for what it leaves
//! ```
//!
//! A server that starts again restores the seats of the run before it, and begins with their players as Held. Runs go up, and a
//! ticket of a later run or a higher count is a newer one: between two of the same player there is always an order.
//!
//! Two things at once are two things in one order, and each order has its rule:
//!
//! - *Two resumes with one ticket*: the first has it; to the second it is used.
//! - *A second login and the end of the first session*: the login first, and the seat moves on however the first session ends,
//!   even if its player leaves; the end first, and the seat is held, or free if the player left.
//! - *A newer session that ends before it has the seat*: the seat is held for its player, and the ticket it came with is good again.
//!   So it is when the session is lost before it said anything: its player may never have heard the new ticket.
//! - *Resume and expiry*: until the sweep has come by, the seat is still there and is given back.
//! - *A session that panics*: it lets go of nothing, so its seat falls free and the newer session comes to the lobby.
//! - *A room that ends while one of its seats is held*: the seat is given back with all that was said on it, the end as the last.
//!   Only a seat that the room gave up, since more happened there than it keeps for anybody, is gone: that story has a gap.
//! - *A seat that was asked for and not yet given when the connection broke*: it was never sat on, and nobody holds it.
//! - *A player was restored*: what is known of their tickets is what a journal kept, which lags by some hundred milliseconds and
//!   maybe by a restart. So any newer ticket of an earlier run is good, and the one that is known is; older ones are used. From
//!   the first resume on it is as ever.
//! - *An old ticket, and nobody restored*: it is forgotten, also when its player's number was given anew to somebody else. That is no
//!   fault of its owner's, who was in no room, or sat down in the last moments before a crash: they are welcomed as somebody new.
//! - *The server stops*: nobody is held any more, and the rooms do not ask who is.
//!
//! At most `most` players are held. Past that whoever has no seat goes first, then the seat that was held longest: a stranger who
//! comes and vanishes all day long cannot push a seat out without taking seats.

use std::{collections::BTreeMap, time::Duration};

use quarrel_shared::{id::PlayerId, limits::MIN_RESTART_HOLD_MS, protocol::TicketNumber};

/// What is kept for a player who is away.
pub trait HeldSeat {
    /// Its player is away from now on.
    fn hold(&self);

    /// Whether its room has taken it away, and there is nothing to come back to.
    fn is_given_up(&self) -> bool;
}

/// Every player's entry. `B` reaches a session, and tells sessions apart.
#[derive(Debug)]
pub struct HeldState<B, S> {
    players: BTreeMap<PlayerId, Entry<B, S>>,
    /// Who is held, in the order in which they go.
    line: BTreeMap<Place, PlayerId>,
    /// How many of those have a seat.
    seats: usize,
    next: u64,
    run: u32,
    hold: Duration,
    most: usize,
}

#[derive(Debug)]
struct Entry<B, S> {
    /// The first run whose tickets are this player's: in earlier ones the number may have been somebody else's.
    since: u32,
    /// The newest ticket that the player was given, as far as is known.
    newest: TicketNumber,
    /// The one that they showed last, which is good again if they never heard the newest.
    shown: TicketNumber,
    state: State<B, S>,
}

#[derive(Debug)]
enum State<B, S> {
    Live(B),
    Moving { from: B, to: Option<B> },
    Arrived { to: B, seat: Option<S> },
    Held { seat: Option<S>, place: Place, until: Duration },
}

/// Seats go after those without one, and newer ones after older ones.
type Place = (bool, u64);

/// A resume that is good.
#[derive(Debug, PartialEq, Eq)]
pub struct Resumed<B, S> {
    /// The number of the ticket that the player is to be given now.
    pub ticket: TicketNumber,
    /// What they come back to.
    pub comeback: Comeback<B, S>,
}

/// What somebody comes back to.
#[derive(Debug, PartialEq, Eq)]
pub enum Comeback<B, S> {
    /// Their seat, if they had one.
    Held(Option<S>),
    /// What an older session leaves, as soon as it does: ring for it.
    Moving(B),
    /// The same, and it was rung for already.
    Waiting,
}

/// Why a resume is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResume {
    /// The ticket was shown before.
    Used,
    /// The player is held no longer.
    Expired,
    /// The player was here before the server started again, and was not brought back with a room: the server forgot them.
    Forgotten,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// By the network. `proven`: its player had said something, so they have heard their ticket.
    Lost {
        /// Whether they had.
        proven: bool,
    },
    /// In any other way.
    Gone,
}

/// What a change asks of the caller: to ring for a session, and to drop seats, best where no lock is held.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Aftermath<B, S> {
    /// Who has news.
    pub ring: Option<B>,
    /// Seats that nobody has any more.
    pub free: Vec<S>,
}

/// How a session stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing<S> {
    /// As before.
    Unchanged,
    /// What it waited for is here.
    Arrived(Option<S>),
    /// A newer session has its place.
    Replaced,
}

impl<B: Clone + PartialEq, S: HeldSeat> HeldState<B, S> {
    /// Nobody yet, in this run of the server, which is higher than any before. Players are held for `hold`, not at all if it is zero,
    /// and at most `most` of them at once.
    pub const fn new(run: u32, hold: Duration, most: usize) -> Self {
        Self { players: BTreeMap::new(), line: BTreeMap::new(), seats: 0, next: 0, run, hold, most }
    }

    /// A new player came, by this session; gives the number of their first ticket.
    pub fn enter(&mut self, player: PlayerId, me: B) -> TicketNumber {
        let first = TicketNumber { run: self.run, count: 0 };
        let entry = Entry { since: self.run, newest: first, shown: first, state: State::Live(me) };
        self.players.insert(player, entry);
        first
    }

    /// A player of an earlier run, whose seat was brought back, is away; this is the newest of their tickets that they are known to
    /// have. They are held for [`MIN_RESTART_HOLD_MS`] at least, unless nobody is held. Gives the seats that nobody has any more.
    pub fn restore(&mut self, player: PlayerId, ticket: TicketNumber, seat: S, now: Duration) -> Vec<S> {
        // New players are numbered above all who were restored. Should it happen all the same, whoever is here stays.
        if self.players.contains_key(&player) {
            return vec![seat];
        }
        // It is put where it belongs by `hold`; until then nobody waits for it.
        let state = State::Held { seat: None, place: (false, self.next), until: now };
        self.players.insert(player, Entry { since: ticket.run, newest: ticket, shown: ticket, state });
        let hold = self.hold.max(Duration::from_millis(MIN_RESTART_HOLD_MS.into()));
        self.hold(player, Some(seat), now + hold).free
    }

    /// Somebody shows a player's ticket of this number.
    ///
    /// # Errors
    /// When it is not good, and nothing is changed then.
    pub fn resume(
        &mut self,
        player: PlayerId,
        shown: TicketNumber,
        me: B,
    ) -> Result<Resumed<B, S>, NoResume> {
        let is_earlier = shown.run < self.run;
        let gone = if is_earlier { NoResume::Forgotten } else { NoResume::Expired };
        let entry = self.players.get_mut(&player).ok_or(gone)?;
        let oldest = match &entry.state {
            State::Held { .. } | State::Moving { to: None, .. } => entry.shown,
            State::Live(_) | State::Moving { .. } | State::Arrived { .. } => entry.newest,
        };
        if shown < oldest {
            return Err(if shown.run < entry.since { NoResume::Forgotten } else { NoResume::Used });
        }
        // Nobody has a ticket that was not given yet, unless a clock or a disk went back; nor is there anything to give for it. What
        // earlier runs gave is not all known.
        if shown > entry.newest && !is_earlier {
            return Err(NoResume::Expired);
        }
        entry.shown = shown;
        let count = if entry.newest.run == self.run { entry.newest.count.saturating_add(1) } else { 0 };
        entry.newest = TicketNumber { run: self.run, count };
        let ticket = entry.newest;
        let comeback = match std::mem::replace(&mut entry.state, State::Live(me.clone())) {
            State::Held { seat, place, .. } => {
                self.line.remove(&place);
                self.seats -= usize::from(seat.is_some());
                Comeback::Held(seat)
            }
            State::Live(from) => {
                entry.state = State::Moving { from: from.clone(), to: Some(me) };
                Comeback::Moving(from)
            }
            State::Moving { from, .. } => {
                entry.state = State::Moving { from, to: Some(me) };
                Comeback::Waiting
            }
            // Its owner has not been told of a ticket, so nobody shows one; if somebody did, what is there goes to them.
            State::Arrived { seat, .. } => Comeback::Held(seat),
        };
        Ok(Resumed { ticket, comeback })
    }

    /// A session heard the bell.
    pub fn look(&mut self, player: PlayerId, me: &B) -> Standing<S> {
        let Some(entry) = self.players.get_mut(&player) else { return Standing::Replaced };
        match &mut entry.state {
            State::Arrived { to, seat } if to == me => {
                let seat = seat.take();
                entry.state = State::Live(me.clone());
                Standing::Arrived(seat)
            }
            State::Live(owner) | State::Moving { to: Some(owner), .. } if owner == me => Standing::Unchanged,
            _ => Standing::Replaced,
        }
    }

    /// A session ends, and leaves the seat that it had.
    pub fn leave(
        &mut self,
        player: PlayerId,
        me: &B,
        seat: Option<S>,
        how: Leaving,
        now: Duration,
    ) -> Aftermath<B, S> {
        let nothing = |seat: Option<S>| Aftermath { ring: None, free: seat.into_iter().collect() };
        let Some(entry) = self.players.get_mut(&player) else { return nothing(seat) };
        match &mut entry.state {
            State::Live(owner) if owner == me => match how {
                Leaving::Lost { proven } => {
                    if proven {
                        entry.shown = entry.newest;
                    }
                    self.hold(player, seat, now + self.hold)
                }
                Leaving::Gone => {
                    self.players.remove(&player);
                    nothing(seat)
                }
            },
            State::Moving { from, to } if from == me => match to.take() {
                Some(to) => {
                    entry.state = State::Arrived { to: to.clone(), seat };
                    Aftermath { ring: Some(to), free: Vec::new() }
                }
                None => self.hold(player, seat, now + self.hold),
            },
            State::Moving { to, .. } if to.as_ref() == Some(me) => {
                *to = None;
                nothing(seat)
            }
            State::Arrived { to, seat: arrived } if to == me => {
                let arrived = arrived.take();
                self.hold(player, arrived, now + self.hold)
            }
            _ => nothing(seat),
        }
    }

    /// Gives up what was held long enough, and what its room has given up.
    pub fn sweep(&mut self, now: Duration) -> Vec<S> {
        let is_due = |player: PlayerId| match self.players.get(&player).map(|entry| &entry.state) {
            Some(State::Held { until, .. }) => now >= *until,
            _ => true,
        };
        // All of them are looked at: those who were restored may be held for longer than others who came into the line later.
        let line = self.line.iter().map(|(place, player)| (*place, *player));
        let due: Vec<_> = line.filter(|(_, player)| is_due(*player)).collect();
        let mut free = Vec::new();
        due.into_iter().for_each(|(place, player)| free.extend(self.drop_held(place, player)));
        for player in self.line.values() {
            let Some(Entry { state: State::Held { seat, .. }, .. }) = self.players.get_mut(player) else {
                continue;
            };
            if let Some(seat) = seat.take_if(|seat| seat.is_given_up()) {
                self.seats -= 1;
                free.push(seat);
            }
        }
        free
    }

    /// Holds nobody any more, and gives up what was held.
    pub fn close(&mut self) -> Vec<S> {
        self.hold = Duration::ZERO;
        let mut free = Vec::new();
        while let Some((&place, &player)) = self.line.first_key_value() {
            free.extend(self.drop_held(place, player));
        }
        free
    }

    /// How many seats are held.
    pub const fn seats(&self) -> usize {
        self.seats
    }

    fn hold(&mut self, player: PlayerId, seat: Option<S>, until: Duration) -> Aftermath<B, S> {
        let mut free = Vec::new();
        if self.hold.is_zero() {
            self.players.remove(&player);
            return Aftermath { ring: None, free: seat.into_iter().collect() };
        }
        while self.line.len() >= self.most {
            let Some((&place, &first)) = self.line.first_key_value() else { break };
            free.extend(self.drop_held(place, first));
        }
        if let Some(seat) = &seat {
            seat.hold();
            self.seats += 1;
        }
        let place = (seat.is_some(), self.next);
        self.next += 1;
        self.line.insert(place, player);
        if let Some(entry) = self.players.get_mut(&player) {
            entry.state = State::Held { seat, place, until };
        }
        Aftermath { ring: None, free }
    }

    fn drop_held(&mut self, place: Place, player: PlayerId) -> Option<S> {
        self.line.remove(&place);
        let State::Held { seat, .. } = self.players.remove(&player)?.state else { return None };
        self.seats -= usize::from(seat.is_some());
        seat
    }
}

#[cfg(test)]
mod tests;
