//! The room as a pure state machine: seats, inputs, the game, and the entries of its next tick.
//!
//! Everything that changes the game goes through [`Entries`]: what a journal would hold is exactly what is applied here.

use std::sync::Arc;

use quarrel_shared::{
    game::{Audience, Game, Outbox, Outcome, Setup},
    id::{PlayerId, SeatId},
    journal::{Entries, SeatChange},
    moment::Moment,
    protocol::{
        datagram::{Aimed, InputRun},
        messages::Name,
    },
    snapshot::{Frame, SeatFrame},
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
    entries: Entries<G::Input>,
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
        let game = G::new(setup);
        let frame = Arc::new(Frame::new(Tick(0), game.entities(), Vec::new()));
        Self {
            game,
            tick: Tick(0),
            rate: setup.tick_rate,
            seats: (0..setup.seats).map(|_| None).collect(),
            bots: Bots::new(bots, bot_skill, setup.seed),
            entries: Entries::idle(setup.seats),
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

    /// How many people and how many bots sit here.
    pub fn occupancy(&self) -> (u16, u16) {
        let bots = self.seats.iter().flatten().filter(|seat| seat.is_bot()).count() as u16;
        (self.seats.iter().flatten().count() as u16 - bots, bots)
    }

    /// Everybody who sits here.
    pub fn roster(&self) -> impl Iterator<Item = RosterChange> + '_ {
        self.taken().map(|(seat, holder)| RosterChange::Taken {
            seat,
            name: holder.name.clone(),
            bot: holder.is_bot(),
        })
    }

    /// What whoever holds this seat is called, and whether it is a bot.
    pub fn name_of(&self, seat: SeatId) -> Option<(&Name, bool)> {
        let seat = self.seats.get(seat.index())?.as_ref()?;
        Some((&seat.name, seat.is_bot()))
    }

    /// Seats a player, in a bot's place when no seat is empty; `None` when people have them all. `changed` hears of all that changes.
    pub fn take_seat(
        &mut self,
        player: PlayerId,
        name: Name,
        changed: &mut Vec<RosterChange>,
    ) -> Option<SeatId> {
        let empty = self.seats.iter().position(Option::is_none);
        let at =
            empty.or_else(|| self.seats.iter().rposition(|seat| seat.as_ref().is_some_and(Seat::is_bot)))?;
        let seat = SeatId(at as u16);
        self.leave_seat(seat, changed);
        self.seat(seat, name, Holder::Player(player), changed);
        Some(seat)
    }

    /// Empties a seat.
    pub fn leave_seat(&mut self, seat: SeatId, changed: &mut Vec<RosterChange>) {
        if self.seats.get_mut(seat.index()).and_then(Option::take).is_some() {
            self.entries.changes.push(SeatChange::Left(seat));
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

    /// They are back, on a connection whose inputs begin anew.
    pub fn come_back(&mut self, seat: SeatId) {
        if let Some(Some(seat)) = self.seats.get_mut(seat.index()) {
            seat.come_back(self.tick, self.rate);
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
    pub fn input(&mut self, seat: SeatId, run: &InputRun<G::Input>, arrived: i64) {
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
        match &mut self.sync_test {
            None => self.entries.apply(&mut self.game, self.tick, self.rate, &mut self.events),
            Some(test) => test.step(&mut self.game, &self.entries, self.tick, &mut self.events),
        }
        self.entries.changes.clear();
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
        self.entries.changes.push(SeatChange::Taken(seat, taken.occupant()));
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
                (Holder::Player(_), Some(Away::Idle)) => None,
                (Holder::Player(_), None) => {
                    let aimed = match seat.inputs.take(self.tick) {
                        Taken::Own(aimed) => Some(aimed.clone()),
                        Taken::Repeated(last) => Some(Aimed::at(self.tick, G::coast(&last.input))),
                        Taken::Nothing => None,
                    };
                    self.counts += seat.inputs.take_counts();
                    aimed
                }
                (Holder::Bot(brain), _) | (Holder::Player(_), Some(Away::Bot(brain))) => {
                    let input = self.bots.ask(brain.as_mut(), SeatId(at as u16), &self.frame, self.rate);
                    Some(Aimed::at(self.frame.tick(), input))
                }
            });
            (*input, *seen) = match aimed {
                Some(Aimed { input, seen }) => (Some(input), seen),
                None => (None, Moment::of(self.tick)),
            };
        }
    }

    fn taken(&self) -> impl Iterator<Item = (SeatId, &Seat<G>)> + '_ {
        self.seats.iter().enumerate().filter_map(|(at, seat)| Some((SeatId(at as u16), seat.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::crowd::{Crowd, CrowdSettings, Steering};

    use super::*;

    fn room(seats: u16, bots: u16) -> RoomState<Crowd> {
        let setup = Setup { settings: CrowdSettings {}, seed: 5, seats, tick_rate: TickRate::default() };
        RoomState::new(&setup, bots, "stroll")
    }

    fn sit(room: &mut RoomState<Crowd>, player: u64) -> Option<SeatId> {
        let seat = room.take_seat(PlayerId(player), Name::lossy("p"), &mut Vec::new());
        room.settle_bots(&mut Vec::new());
        seat
    }

    #[test]
    fn bots_fill_empty_seats_and_leave_as_people_come() {
        let mut room = room(4, 3);
        room.settle_bots(&mut Vec::new());
        assert_eq!(room.occupancy(), (0, 3));
        let seen: Vec<_> = (0..4)
            .map(|player| {
                sit(&mut room, player);
                room.occupancy()
            })
            .collect();
        assert_eq!(seen, [(1, 3), (2, 2), (3, 1), (4, 0)]);
        assert_eq!(sit(&mut room, 9), None, "people keep their seats");
        room.leave_seat(SeatId(2), &mut Vec::new());
        room.settle_bots(&mut Vec::new());
        assert_eq!(room.occupancy(), (3, 1), "a bot takes the seat that somebody left");
    }

    #[test]
    fn an_input_moves_its_seat_at_its_tick_and_says_how_early_it_came() {
        let mut room = room(2, 0);
        let seat = sit(&mut room, 1).unwrap();
        room.input(seat, &InputRun::new(Tick(3), Aimed::at(Tick(3), Steering { bend: 9 })), 16);
        let bend_at: Vec<_> = (1..=3)
            .map(|_| {
                room.step();
                room.publish().entities()[0].1.bend
            })
            .collect();
        assert_eq!(bend_at, [0, 0, 9]);
        let told = room.frame().seat(seat).unwrap();
        assert_eq!((told.margin, told.used), (Some(32), Some(Tick(3))), "two ticks early, and used");
    }

    #[test]
    fn a_held_seat_stands_idle_and_listens_anew_when_its_player_is_back() {
        let mut room = room(2, 0);
        let seat = sit(&mut room, 1).unwrap();
        let bend = |tick| InputRun::new(Tick(tick), Aimed::at(Tick(tick), Steering { bend: 9 }));
        room.input(seat, &bend(1), 0);
        room.hold(seat, HeldFighter::Idle);
        room.step();
        assert_eq!(room.publish().entities()[0].1.bend, 0, "what was on its way is not played");
        assert_eq!(room.occupancy(), (1, 0), "the seat is still a person's");
        room.come_back(seat);
        assert_eq!(room.publish().seat(seat).unwrap().used, None, "a new connection has sent nothing yet");
        room.input(seat, &bend(2), 16);
        room.step();
        assert_eq!(room.publish().entities()[0].1.bend, 9);
    }

    #[test]
    fn what_a_connection_that_broke_had_sent_is_not_taken_for_the_next_ones_word() {
        let mut room = room(2, 0);
        let seat = sit(&mut room, 1).unwrap();
        let bend = |bend| InputRun::new(Tick(1), Aimed::at(Tick(1), Steering { bend }));
        room.input(seat, &bend(9), 0);
        // Away and back between two looks of the room.
        room.come_back(seat);
        room.input(seat, &bend(4), 0);
        room.step();
        assert_eq!(room.publish().entities()[0].1.bend, 4);
    }

    #[test]
    fn a_bot_plays_a_held_seat_without_being_seen_to() {
        let mut room = room(2, 0);
        let seat = sit(&mut room, 1).unwrap();
        room.publish();
        let before: Vec<_> = room.roster().collect();
        room.hold(seat, HeldFighter::Bot);
        let bends = (0..300).filter(|_| {
            room.step();
            room.publish().entities()[0].1.bend != 0
        });
        assert!(bends.count() > 0, "somebody steers");
        assert_eq!(room.roster().collect::<Vec<_>>(), before, "the roster says nothing of it");
        assert_eq!(room.take_counts().starved, 0, "nobody waits for the inputs of whoever is away");
    }

    #[test]
    fn a_starved_seat_coasts_a_quarter_second_and_saw_the_present() {
        let mut room = room(2, 0);
        let seat = sit(&mut room, 1).unwrap();
        let long_ago = Aimed { input: Steering { bend: 9 }, seen: Moment::default() };
        room.input(seat, &InputRun::new(Tick(5), long_ago), 0);
        (1..=4).for_each(|_| room.step());
        let found: Vec<_> = (5..=14)
            .map(|_| {
                room.step();
                (room.entries.inputs[0], room.entries.seen[0])
            })
            .collect();
        let coasts = |tick| (Some(Crowd::coast(&Steering { bend: 9 })), Moment::of(Tick(tick)));
        assert_eq!(found[0], (Some(Steering { bend: 9 }), Moment::default()), "its own, and what it saw");
        assert_eq!(found[1..8], (6..13).map(coasts).collect::<Vec<_>>(), "a repeated input is not rewound");
        assert_eq!(found[8], (None, Moment::of(Tick(13))), "then it has none");
    }

    #[test]
    fn an_input_for_a_seat_that_does_not_exist_changes_nothing() {
        let mut room = room(2, 0);
        room.input(SeatId(9), &InputRun::new(Tick(3), Aimed::at(Tick(3), Steering { bend: 9 })), 0);
        room.step();
        assert_eq!(room.tick(), Tick(1));
    }
}
