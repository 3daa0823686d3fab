//! The room as a pure state machine: seats, inputs, the game, and the entries of its next tick.
//!
//! Everything that changes the game goes through [`Entries`]: what a journal would hold is exactly what is applied here.

use std::sync::Arc;

use quarrel_shared::{
    game::{Audience, Game, Outbox, Outcome, Setup},
    id::{PlayerId, SeatId},
    journal::{self, Entries, SeatNote},
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
    input_buffer::{InputCounts, Taken},
    seat::{Away, HeldFighter, Holder, Seat},
    sync_test::{Mismatch, SyncTest},
};

/// One room's world and seats.
pub struct RoomState<G: Game> {
    game: G,
    tick: Tick,
    rate: TickRate,
    seats: Vec<Option<Seat<G>>>,
    bots: Bots<G>,
    /// What made the newest tick.
    entries: Entries<G::Input>,
    /// Who came and went before it.
    notes: Vec<SeatNote>,
    /// Who came and went since.
    pending: Vec<SeatNote>,
    events: Outbox<G::Event>,
    frame: Arc<Frame<G::Entity>>,
    outcome: Option<Outcome>,
    counts: InputCounts,
    /// Makes each step twice, in a room that is watched so.
    sync_test: Option<Box<SyncTest<G>>>,
}

/// Who came and went in a room, for those who sit there.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterChange {
    /// Somebody sat down.
    Taken {
        /// Where.
        seat: SeatId,
        /// Called what.
        name: Name,
        /// Whether it is a bot.
        bot: bool,
    },
    /// Somebody stood up.
    Left {
        /// From where.
        seat: SeatId,
    },
}

impl<G: Game> RoomState<G> {
    /// A new room that keeps at most `bots` bots of this skill.
    pub fn new(setup: &Setup<G::Settings>, bots: u16, bot_skill: &str) -> Self {
        let seats = (0..setup.seats).map(|_| None).collect();
        Self::made(G::new(setup), Tick(0), setup, seats, Bots::new(bots, bot_skill, setup.seed))
    }

    /// The room as a journal has it after this tick: players' seats wait for them, and bots have forgotten what they were about.
    pub fn restored(
        setup: &Setup<G::Settings>,
        (game, tick): (G, Tick),
        holders: &[Option<journal::Holder>],
        bots: u16,
        bot_skill: &str,
    ) -> Self {
        // Drawn from another place than when the room began, or each restart would bring the same brains.
        let mut bots = Bots::new(bots, bot_skill, setup.seed ^ u64::from(tick.0));
        let mut gone = Vec::new();
        let mut seat = |(at, holder): (usize, &Option<journal::Holder>)| {
            let holder = holder.as_ref()?;
            let who = match holder.player {
                Some((player, ticket)) => Holder::Player(player, ticket),
                None => match bots.brain() {
                    Some(brain) => Holder::Bot(brain),
                    None => {
                        gone.push(SeatNote::Left(SeatId(at as u16)));
                        return None;
                    }
                },
            };
            Some(Seat::new(holder.name.clone(), who, tick, setup.tick_rate))
        };
        let seats = holders.iter().enumerate().map(&mut seat).collect();
        let outcome = game.outcome();
        Self { outcome, pending: gone, ..Self::made(game, tick, setup, seats, bots) }
    }

    fn made(
        game: G,
        tick: Tick,
        setup: &Setup<G::Settings>,
        seats: Vec<Option<Seat<G>>>,
        bots: Bots<G>,
    ) -> Self {
        let frame = Arc::new(Frame::new(tick, game.entities(), Vec::new()));
        Self {
            game,
            tick,
            rate: setup.tick_rate,
            seats,
            bots,
            entries: Entries::idle(setup.seats),
            notes: Vec::new(),
            pending: Vec::new(),
            events: Outbox::new(),
            frame,
            outcome: None,
            counts: InputCounts::default(),
            sync_test: None,
        }
    }

    /// The same room, which makes each step twice from now on; `setup` is the one it was made with.
    #[must_use]
    pub fn sync_tested(mut self, setup: &Setup<G::Settings>) -> Self {
        self.sync_test = Some(Box::new(SyncTest::new(setup.clone())));
        self
    }

    /// The first tick that could not be made twice, in a room that is [watched so](Self::sync_tested).
    pub fn mismatch(&self) -> Option<&Mismatch> {
        self.sync_test.as_ref()?.mismatch()
    }

    /// The newest tick.
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The newest frame.
    pub const fn frame(&self) -> &Arc<Frame<G::Entity>> {
        &self.frame
    }

    /// The game after the newest tick.
    pub const fn game(&self) -> &G {
        &self.game
    }

    /// What made the newest tick.
    pub const fn entries(&self) -> &Entries<G::Input> {
        &self.entries
    }

    /// Who came and went before the newest tick.
    pub fn notes(&self) -> &[SeatNote] {
        &self.notes
    }

    /// Who sat where at the newest tick, as a journal has it, one element a seat. Asked before anybody comes or goes again.
    pub fn holders(&self) -> Vec<Option<journal::Holder>> {
        self.seats.iter().map(|seat| seat.as_ref().map(Seat::to_journal)).collect()
    }

    /// How many people and how many bots sit here.
    pub fn occupancy(&self) -> (u16, u16) {
        let bots = self.seats.iter().flatten().filter(|seat| seat.is_bot()).count() as u16;
        (self.seats.iter().flatten().count() as u16 - bots, bots)
    }

    /// Whether a room of this size tells its players who comes and goes.
    pub fn tells_roster(&self) -> bool {
        self.seats.len() <= usize::from(MAX_ROSTER_SEATS)
    }

    /// Everybody who sits here.
    pub fn roster(&self) -> impl Iterator<Item = RosterChange> + '_ {
        self.taken().map(|(seat, holder)| RosterChange::Taken {
            seat,
            name: holder.name.clone(),
            bot: holder.is_bot(),
        })
    }

    /// Seats a player, in a bot's place when no seat is empty; `None` when people have them all. `changed` hears of all that changes.
    pub fn take_seat(
        &mut self,
        player: PlayerId,
        ticket: TicketNumber,
        name: Name,
        changed: &mut Vec<RosterChange>,
    ) -> Option<SeatId> {
        let empty = self.seats.iter().position(Option::is_none);
        let at =
            empty.or_else(|| self.seats.iter().rposition(|seat| seat.as_ref().is_some_and(Seat::is_bot)))?;
        let seat = SeatId(at as u16);
        self.leave_seat(seat, changed);
        self.seat(seat, name, Holder::Player(player, ticket), changed);
        Some(seat)
    }

    /// Empties a seat.
    pub fn leave_seat(&mut self, seat: SeatId, changed: &mut Vec<RosterChange>) {
        if self.seats.get_mut(seat.index()).and_then(Option::take).is_some() {
            self.pending.push(SeatNote::Left(seat));
            changed.push(RosterChange::Left { seat });
        }
    }

    /// A player's connection was lost, and the seat is held. Nobody is told: the seat is theirs all the while.
    pub fn hold(&mut self, seat: SeatId, fighter: HeldFighter) {
        let Some(Some(seat)) = self.seats.get_mut(seat.index()) else { return };
        if seat.away.is_none() {
            let brain = if fighter == HeldFighter::Bot { self.bots.brain() } else { None };
            seat.away = Some(brain.map_or(Away::Idle, Away::Bot));
        }
    }

    /// They are back by this ticket, on a connection whose inputs begin anew.
    pub fn come_back(&mut self, seat: SeatId, ticket: TicketNumber) {
        if let Some(Some(held)) = self.seats.get_mut(seat.index()) {
            held.come_back(ticket, self.tick, self.rate);
            self.pending.push(SeatNote::Back(seat, ticket));
        }
    }

    /// Brings the number of bots to what the room keeps beside its people.
    pub fn settle_bots(&mut self, changed: &mut Vec<RosterChange>) {
        let (players, bots) = self.occupancy();
        let wanted = self.bots.wanted(self.seats.len() as u16, players);
        for _ in wanted..bots {
            let Some(at) = self.seats.iter().rposition(|seat| seat.as_ref().is_some_and(Seat::is_bot)) else {
                break;
            };
            self.leave_seat(SeatId(at as u16), changed);
        }
        for _ in bots..wanted {
            let Some(at) = self.seats.iter().position(Option::is_none) else { break };
            let Some((name, brain)) = self.bots.make() else { break };
            self.seat(SeatId(at as u16), name, Holder::Bot(brain), changed);
        }
    }

    /// A seat's inputs arrive, at this place on the room's time line (1/16 tick).
    pub fn input(&mut self, seat: SeatId, run: &InputBatch<G::Input>, arrived: i64) {
        let Some(seat) = self.seats.get_mut(seat.index()).and_then(Option::as_mut) else { return };
        for (tick, input) in run.iter() {
            seat.inputs.push(tick, input.clone());
        }
        seat.margin.hear(run.newest(), arrived);
    }

    /// Makes the next tick.
    pub fn step(&mut self) {
        self.tick = self.tick.next();
        self.gather_inputs();
        std::mem::swap(&mut self.notes, &mut self.pending);
        self.pending.clear();
        self.entries.changes.clear();
        self.entries.changes.extend(self.notes.iter().filter_map(SeatNote::change));
        match &mut self.sync_test {
            None => self.entries.apply(&mut self.game, self.tick, self.rate, &mut self.events),
            Some(test) => test.step(&mut self.game, &self.entries, self.tick, &mut self.events),
        }
    }

    /// Copies the world for those who watch. Also what the bots see next.
    pub fn publish(&mut self) -> &Arc<Frame<G::Entity>> {
        let seats = self.seats.iter().enumerate().map(|(at, seat)| {
            let seat = seat.as_ref()?;
            let viewpoint = self.game.view(SeatId(at as u16));
            Some(SeatFrame { viewpoint, margin: seat.margin.get(), used: seat.inputs.used() })
        });
        let number = self.frame.number().wrapping_add(1);
        self.frame = Arc::new(Frame::new(self.tick, self.game.entities(), seats.collect()).numbered(number));
        &self.frame
    }

    /// The facts of the ticks since this was last asked, each with those who are told.
    pub fn drain_events(&mut self) -> impl Iterator<Item = (Audience, G::Event)> + '_ {
        self.events.drain()
    }

    /// How the match ended, once for each match.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        let outcome = self.game.outcome();
        let news = outcome.clone().filter(|_| self.outcome.is_none());
        self.outcome = outcome;
        news
    }

    /// What became of inputs since this was last asked.
    pub fn take_counts(&mut self) -> InputCounts {
        std::mem::take(&mut self.counts)
    }

    fn seat(&mut self, seat: SeatId, name: Name, holder: Holder<G>, changed: &mut Vec<RosterChange>) {
        let taken = Seat::new(name.clone(), holder, self.tick, self.rate);
        self.pending.push(SeatNote::Taken(seat, taken.to_journal()));
        changed.push(RosterChange::Taken { seat, name, bot: taken.is_bot() });
        self.seats[seat.index()] = Some(taken);
    }

    /// Each seat's input for the tick to make: a player's from the buffer, a bot's from its brain. Who repeats themselves decides
    /// nothing, so they saw the present.
    fn gather_inputs(&mut self) {
        let Entries { inputs, seen, .. } = &mut self.entries;
        for (at, (seat, (input, seen))) in self.seats.iter_mut().zip(inputs.iter_mut().zip(seen)).enumerate()
        {
            let aimed = seat.as_mut().and_then(|seat| match (&mut seat.holder, &mut seat.away) {
                (Holder::Player(..), Some(Away::Idle)) => None,
                (Holder::Player(..), None) => {
                    let aimed = match seat.inputs.take(self.tick) {
                        Taken::Own(aimed) => Some(aimed.clone()),
                        Taken::Repeated(last) => Some(StampedInput::at(self.tick, G::coast(&last.input))),
                        Taken::Nothing => None,
                    };
                    self.counts += seat.inputs.take_counts();
                    aimed
                }
                (Holder::Bot(brain), _) | (Holder::Player(..), Some(Away::Bot(brain))) => {
                    let input = self.bots.ask(brain.as_mut(), SeatId(at as u16), &self.frame, self.rate);
                    Some(StampedInput::at(self.frame.tick(), input))
                }
            });
            (*input, *seen) = match aimed {
                Some(StampedInput { input, seen }) => (Some(input), seen),
                None => (None, SubTick::of(self.tick)),
            };
        }
    }

    fn taken(&self) -> impl Iterator<Item = (SeatId, &Seat<G>)> + '_ {
        self.seats.iter().enumerate().filter_map(|(at, seat)| Some((SeatId(at as u16), seat.as_ref()?)))
    }
}

#[cfg(test)]
mod tests;
