//! The room as a deterministic state machine: the game, its seats and their inputs. Has no I/O.
//!
//! Every change to the game is an entry of a tick in [`Entries`] (the inputs of the seats and the changes of seats), so that the entries of
//! all ticks are enough to play the room again.

use std::sync::Arc;

use quarrel_shared::{
    bits::{self, BitWriter},
    game::{Audience, Game, Outbox, Outcome, Setup},
    id::{PlayerId, SeatId},
    journal::{self, Entries, SeatEntry},
    limits::MAX_ROSTER_SEATS,
    protocol::{
        TicketNumber,
        datagram::{InputBatch, StampedInput},
        messages::Name,
    },
    snapshot::{Frame, SeatFrame},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use super::{
    bots::Bots,
    input_buffer::{InputCounts, TickInput},
    seat::{AwayControl, HeldSeatPolicy, Seat, SeatOccupant},
    seats::Seats,
    sync_test::{Mismatch, SyncTest},
};

/// The game of one room, and its seats.
pub struct RoomState<G: Game> {
    game: G,
    tick: Tick,
    rate: TickRate,
    seats: Seats<G>,
    bots: Bots<G>,
    /// The entries of the newest tick.
    entries: Entries<G::Input>,
    /// The seats taken, left and resumed in the newest tick.
    seat_entries: Vec<SeatEntry>,
    /// The seats taken, left and resumed since the newest tick, for the next one.
    pending: Vec<SeatEntry>,
    events: Outbox<G::Event>,
    /// The newest frame.
    frame: Arc<Frame<G::Entity>>,
    /// The game's outcome at the last [`Self::take_outcome`].
    outcome: Option<Outcome>,
    counts: InputCounts,
    /// The buffer in which inputs are made canonical.
    scratch: BitWriter,
    /// The sync test, in a room that makes each step twice.
    sync_test: Option<Box<SyncTest<G>>>,
}

/// A change of a room's roster, which is the list of the occupants of all seats.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterChange {
    /// A seat was taken.
    Taken {
        /// The seat, which was free or a bot's before.
        seat: SeatId,
        /// The occupant's display name.
        name: Name,
        /// Whether the occupant is a bot.
        bot: bool,
    },
    /// A seat was left.
    Left {
        /// The seat, which is free now.
        seat: SeatId,
    },
}

/// A game as it was after a tick.
pub struct SavedWorld<G> {
    /// The state of the game.
    pub game: G,
    /// The newest tick that the game has made.
    pub tick: Tick,
}

impl<G: Game> RoomState<G> {
    /// Creates a new room with at most `bots` bots of this skill.
    pub fn new(setup: &Setup<G::Settings>, bots: u16, bot_skill: &str) -> Self {
        let seats = (0..setup.seats).map(|_| None).collect();
        Self::from_parts(
            SavedWorld { game: G::new(setup), tick: Tick(0) },
            setup,
            seats,
            Bots::new(bots, bot_skill, setup.seed),
        )
    }

    /// Creates a room that continues from `world`. Players keep their seats; bots keep theirs with new brains (bot behaviours), or leave if
    /// the game has no bot of this skill.
    pub fn restored(
        setup: &Setup<G::Settings>,
        world: SavedWorld<G>,
        holders: &[Option<journal::Holder>],
        bots: u16,
        bot_skill: &str,
    ) -> Self {
        // The seed differs from that at the room's start, because otherwise each restart would create the same brains again.
        let tick = world.tick;
        let mut bots = Bots::new(bots, bot_skill, setup.seed ^ u64::from(tick.0));
        let mut left = Vec::new();
        let mut seat = |(at, holder): (usize, &Option<journal::Holder>)| {
            let holder = holder.as_ref()?;
            let occupant = match holder.player {
                Some((id, ticket)) => SeatOccupant::Player { id, ticket },
                None => match bots.brain() {
                    Some(brain) => SeatOccupant::Bot(brain),
                    None => {
                        left.push(SeatEntry::Left(SeatId(at as u16)));
                        return None;
                    }
                },
            };
            Some(Seat::new(holder.name.clone(), occupant, tick, setup.tick_rate))
        };
        let seats = holders.iter().enumerate().map(&mut seat).collect();
        let outcome = world.game.outcome();
        Self { outcome, pending: left, ..Self::from_parts(world, setup, seats, bots) }
    }

    fn from_parts(
        world: SavedWorld<G>,
        setup: &Setup<G::Settings>,
        seats: Vec<Option<Seat<G>>>,
        bots: Bots<G>,
    ) -> Self {
        let SavedWorld { game, tick } = world;
        let frame = Arc::new(Frame::new(tick, game.entities(), Vec::new()));
        Self {
            game,
            tick,
            rate: setup.tick_rate,
            seats: Seats::new(seats),
            bots,
            entries: Entries::idle(setup.seats),
            seat_entries: Vec::new(),
            pending: Vec::new(),
            events: Outbox::new(),
            frame,
            outcome: None,
            counts: InputCounts::default(),
            scratch: BitWriter::new(),
            sync_test: None,
        }
    }

    /// Returns the room with a sync test, which makes each step twice from now on. `setup` must be the one with which the room was created.
    #[must_use]
    pub fn with_sync_test(mut self, setup: &Setup<G::Settings>) -> Self {
        self.sync_test = Some(Box::new(SyncTest::new(setup.clone())));
        self
    }

    /// The first tick that the sync test could not repeat; `None` without a [sync test](Self::with_sync_test).
    pub fn mismatch(&self) -> Option<&Mismatch> {
        self.sync_test.as_ref()?.mismatch()
    }

    /// The newest tick.
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The frame of the last [`Self::publish`].
    pub const fn frame(&self) -> &Arc<Frame<G::Entity>> {
        &self.frame
    }

    /// The game after the newest tick.
    pub const fn game(&self) -> &G {
        &self.game
    }

    /// The entries of the newest tick.
    pub const fn entries(&self) -> &Entries<G::Input> {
        &self.entries
    }

    /// The seats taken, left and resumed in the newest tick.
    pub fn seat_entries(&self) -> &[SeatEntry] {
        &self.seat_entries
    }

    /// The current occupants as the journal stores them, one element per seat; `None` for an empty seat.
    pub fn holders(&self) -> Vec<Option<journal::Holder>> {
        self.seats.iter().map(|seat| seat.map(Seat::to_journal)).collect()
    }

    /// The number of players and the number of bots.
    pub fn occupancy(&self) -> (u16, u16) {
        self.seats.occupancy()
    }

    /// Returns true if the room sends its roster to its players; rooms with more than [`MAX_ROSTER_SEATS`] seats do not.
    pub fn sends_roster(&self) -> bool {
        self.seats.len() <= usize::from(MAX_ROSTER_SEATS)
    }

    /// The current occupants, as changes of an empty roster.
    pub fn roster(&self) -> impl Iterator<Item = RosterChange> + '_ {
        self.taken().map(|(id, seat)| RosterChange::Taken {
            seat: id,
            name: seat.name.clone(),
            bot: seat.is_bot(),
        })
    }

    /// Gives a player an empty seat, or that of the last bot if none is empty. Returns `None` if players have all seats. Appends the
    /// changes to `changed`.
    pub fn take_seat(
        &mut self,
        player: PlayerId,
        ticket: TicketNumber,
        name: Name,
        changed: &mut Vec<RosterChange>,
    ) -> Option<SeatId> {
        let seat = self.seats.first_empty().or_else(|| self.seats.last_bot())?;
        self.leave_seat(seat, changed);
        self.occupy(seat, name, SeatOccupant::Player { id: player, ticket }, changed);
        Some(seat)
    }

    /// Empties a seat, if it is taken. Appends the change to `changed`.
    pub fn leave_seat(&mut self, seat: SeatId, changed: &mut Vec<RosterChange>) {
        if self.seats.release(seat) {
            self.pending.push(SeatEntry::Left(seat));
            changed.push(RosterChange::Left { seat });
        }
    }

    /// Holds a seat whose player's connection was lost: until the player returns, the policy controls it. The roster does not change,
    /// because the seat stays the player's. Has no effect on a seat that is held already.
    pub fn hold(&mut self, seat: SeatId, policy: HeldSeatPolicy) {
        let Some(seat) = self.seats.get_mut(seat) else { return };
        if seat.away.is_none() {
            let brain = if policy == HeldSeatPolicy::Bot { self.bots.brain() } else { None };
            seat.away = Some(brain.map_or(AwayControl::Idle, AwayControl::Bot));
        }
    }

    /// Gives a seat back to its player, who has shown this ticket on a new connection. Inputs of the old connection are dropped.
    pub fn resume_seat(&mut self, seat: SeatId, ticket: TicketNumber) {
        if let Some(held) = self.seats.get_mut(seat) {
            held.resume(ticket, self.tick, self.rate);
            self.pending.push(SeatEntry::Resumed(seat, ticket));
        }
    }

    /// Sets the maximum number of bots.
    pub const fn set_max_bots(&mut self, max_bots: u16) {
        self.bots.set_max(max_bots);
    }

    /// Adds or removes bots until the room has as many as [`Bots::wanted`] returns. Appends the changes to `changed`.
    pub fn settle_bots(&mut self, changed: &mut Vec<RosterChange>) {
        let (players, bots) = self.occupancy();
        let wanted = self.bots.wanted(self.seats.len() as u16, players);
        for _ in wanted..bots {
            let Some(seat) = self.seats.last_bot() else { break };
            self.leave_seat(seat, changed);
        }
        for _ in bots..wanted {
            let Some(seat) = self.seats.first_empty() else { break };
            let Some((name, brain)) = self.bots.create() else { break };
            self.occupy(seat, name, SeatOccupant::Bot(brain), changed);
        }
    }

    /// Adds a batch of a seat's inputs. `arrived` is the time of arrival on the room's time line, in 1/16 tick.
    pub fn input(&mut self, seat: SeatId, batch: &InputBatch<G::Input>, arrived: i64) {
        let Some(seat) = self.seats.get_mut(seat) else { return };
        for (tick, input) in batch.iter() {
            seat.inputs.push(tick, input.clone());
        }
        seat.margin.record(batch.newest(), arrived);
    }

    /// Makes the next tick: gathers the entries and steps the game.
    pub fn step(&mut self) {
        self.tick = self.tick.next();
        self.gather_inputs();
        std::mem::swap(&mut self.seat_entries, &mut self.pending);
        self.pending.clear();
        self.entries.changes.clear();
        self.entries.changes.extend(self.seat_entries.iter().filter_map(SeatEntry::change));
        match &mut self.sync_test {
            None => self.entries.apply(&mut self.game, self.tick, self.rate, &mut self.events),
            Some(test) => test.step(&mut self.game, &self.entries, self.tick, &mut self.events),
        }
    }

    /// Creates and returns the frame of the newest tick. Bots choose their next inputs by this frame.
    pub fn publish(&mut self) -> &Arc<Frame<G::Entity>> {
        let seats = self.seats.iter().enumerate().map(|(at, seat)| {
            let seat = seat?;
            let viewpoint = self.game.view(SeatId(at as u16));
            Some(SeatFrame { viewpoint, margin: seat.margin.get(), used: seat.inputs.newest_used() })
        });
        let number = self.frame.number().wrapping_add(1);
        self.frame = Arc::new(Frame::new(self.tick, self.game.entities(), seats.collect()).numbered(number));
        &self.frame
    }

    /// Removes and returns the game's events since the last call, each with its audience.
    pub fn drain_events(&mut self) -> impl Iterator<Item = (Audience, G::Event)> + '_ {
        self.events.drain()
    }

    /// Returns the outcome of a match that has ended since the last call. Returns it once for each match.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        let outcome = self.game.outcome();
        let new_outcome = outcome.clone().filter(|_| self.outcome.is_none());
        self.outcome = outcome;
        new_outcome
    }

    /// Returns the counts of inputs since the last call, and resets them.
    pub fn take_counts(&mut self) -> InputCounts {
        std::mem::take(&mut self.counts)
    }

    /// Puts an occupant on an empty seat.
    fn occupy(
        &mut self,
        seat: SeatId,
        name: Name,
        occupant: SeatOccupant<G>,
        changed: &mut Vec<RosterChange>,
    ) {
        let taken = Seat::new(name.clone(), occupant, self.tick, self.rate);
        self.pending.push(SeatEntry::Taken(seat, taken.to_journal()));
        changed.push(RosterChange::Taken { seat, name, bot: taken.is_bot() });
        self.seats.occupy(seat, taken);
    }

    /// Sets each seat's input for the tick in progress, `self.tick`: a player's from the buffer, a bot's from its brain. A player has not
    /// decided on a repeated input, so it is stamped with the current tick, and the room does not rewind for it.
    ///
    /// Inputs that the game has computed here become canonical, as those of players are since they were decoded: a replay reads all of
    /// them from the journal, and must step with the same values.
    fn gather_inputs(&mut self) {
        let Self { entries: Entries { inputs, seen, .. }, scratch, counts, .. } = self;
        let mut refused = 0;
        let mut canonical = |input: &G::Input| {
            let canonical = bits::canonical(input, scratch);
            refused += u64::from(canonical.is_err());
            canonical.ok()
        };
        for (at, (seat, (input, seen))) in self.seats.iter_mut().zip(inputs.iter_mut().zip(seen)).enumerate()
        {
            let stamped = seat.and_then(|seat| match (&mut seat.occupant, &mut seat.away) {
                (SeatOccupant::Player { .. }, Some(AwayControl::Idle)) => None,
                (SeatOccupant::Player { .. }, None) => {
                    let stamped = match seat.inputs.take(self.tick) {
                        TickInput::Fresh(stamped) => Some(stamped.clone()),
                        TickInput::Repeated(last) => {
                            canonical(&G::coast(&last.input)).map(|input| StampedInput::at(self.tick, input))
                        }
                        TickInput::Missing => None,
                    };
                    *counts += seat.inputs.take_counts();
                    stamped
                }
                (SeatOccupant::Bot(brain), _)
                | (SeatOccupant::Player { .. }, Some(AwayControl::Bot(brain))) => {
                    let input = self.bots.decide(brain.as_mut(), SeatId(at as u16), &self.frame, self.rate);
                    canonical(&input).map(|input| StampedInput::at(self.frame.tick(), input))
                }
            });
            (*input, *seen) = match stamped {
                Some(StampedInput { input, seen }) => (Some(input), seen),
                None => (None, SubTick::of(self.tick)),
            };
        }
        counts.refused += refused;
    }

    /// The taken seats with their numbers.
    fn taken(&self) -> impl Iterator<Item = (SeatId, &Seat<G>)> + '_ {
        self.seats.iter().enumerate().filter_map(|(at, seat)| Some((SeatId(at as u16), seat?)))
    }
}

#[cfg(test)]
mod tests;
