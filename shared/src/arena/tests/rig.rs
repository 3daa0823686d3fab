//! A room full of bots that see only their own views, with counts of their actions.

use crate::{
    arena::{Arena, ArenaEntity, Event, Fighter, Input, Settings},
    game::{
        Audience, Brain, Entity, Game, GameMetric, Inputs, Observation, Occupant, Outbox, Place, Rewind,
        Setup, Step,
    },
    id::{EntityId, SeatId},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// A room of bots.
pub(super) struct Rig {
    pub(super) setup: Setup<Settings>,
    pub(super) arena: Arena,
    pub(super) tick: Tick,
    brains: Vec<Box<dyn Brain<Arena>>>,
    pub(super) stats: Vec<SeatStats>,
    /// Age of the view to which every bot's shots are rewound, in 1/16 tick; bots decide from the current state.
    pub(super) lag: u32,
    scratch: Vec<(EntityId, ArenaEntity)>,
}

impl Rig {
    /// Creates a room with one seat for each of `skills`.
    pub(super) fn new(skills: &[&str], settings: Settings, hz: u16, seed: u64) -> Self {
        let setup =
            Setup { settings, seed, seats: skills.len() as u16, tick_rate: TickRate::new(hz).unwrap() };
        let mut arena = Arena::new(&setup);
        (0..setup.seats).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Bot));
        let brains =
            skills.iter().zip(seed..).map(|(skill, seed)| Arena::brain(skill, seed).unwrap()).collect();
        let stats = vec![SeatStats::default(); skills.len()];
        Self { setup, arena, tick: Tick(0), brains, stats, lag: 0, scratch: Vec::new() }
    }

    /// Every bot's input, decided from its own view.
    pub(super) fn decide(&mut self) -> Vec<Option<Input>> {
        let Self { arena, brains, scratch, setup, tick, .. } = self;
        let mut decide = |(index, brain): (usize, &mut Box<dyn Brain<Arena>>)| {
            let seat = SeatId(index as u16);
            see(arena, seat, scratch);
            brain.decide(Observation { tick: *tick, rate: setup.tick_rate, seat, entities: scratch })
        };
        brains.iter_mut().enumerate().map(|brain| Some(decide(brain))).collect()
    }

    /// Steps one tick. Returns its events with their audiences.
    pub(super) fn step(&mut self) -> Vec<(Audience, Event)> {
        let inputs = self.decide();
        self.step_with(&inputs)
    }

    /// Steps one tick. Returns the inputs and the events.
    pub(super) fn step_with_inputs(&mut self) -> (Vec<Input>, Vec<Event>) {
        let inputs = self.decide();
        let events = self.step_with(&inputs).into_iter().map(|(_, event)| event).collect();
        (inputs.into_iter().flatten().collect(), events)
    }

    /// Steps one tick with these inputs.
    pub(super) fn step_with(&mut self, inputs: &[Option<Input>]) -> Vec<(Audience, Event)> {
        self.tick = self.tick.next();
        let mut events = Outbox::new();
        let seen = vec![SubTick::of(self.tick).offset(-i64::from(self.lag)); inputs.len()];
        let rewind = Rewind::new(self.tick, self.setup.tick_rate, &seen);
        self.arena.step(Step { tick: self.tick, inputs: Inputs::new(inputs), rewind, events: &mut events });
        let events: Vec<_> = events.drain().collect();
        self.count(&events);
        events
    }

    fn count(&mut self, events: &[(Audience, Event)]) {
        for (seat, stats) in self.stats.iter_mut().enumerate() {
            let seat = SeatId(seat as u16);
            let received = events.iter().filter(|(audience, _)| audience.includes(seat));
            received
                .filter_map(|(_, event)| Arena::metric(event, seat))
                .for_each(|metric| stats.count(metric));
        }
    }

    /// Sum over all seats.
    pub(super) fn total(&self, of: impl Fn(&SeatStats) -> u32) -> u32 {
        self.stats.iter().map(of).sum()
    }

    /// All fighters, in seat order.
    pub(super) fn fighters(&self) -> impl Iterator<Item = &Fighter> {
        self.arena.players().map(|player| &player.fighter.state)
    }
}

/// Counts of one seat's actions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeatStats {
    pub(super) shots: u32,
    pub(super) hits: u32,
    pub(super) eliminations: u32,
    pub(super) matches: u32,
}

impl SeatStats {
    fn count(&mut self, metric: GameMetric) {
        match metric {
            GameMetric::Shot => self.shots += 1,
            GameMetric::Hit => self.hits += 1,
            GameMetric::Elimination => self.eliminations += 1,
            GameMetric::MatchFinished => self.matches += 1,
        }
    }
}

/// Writes a seat's view to `out`: the entities in range that are not hidden, without the limit of their number.
pub(super) fn see(arena: &Arena, seat: SeatId, out: &mut Vec<(EntityId, ArenaEntity)>) {
    let view = arena.view(seat);
    let is_shown = |id: EntityId, entity: &ArenaEntity| match entity.place() {
        Place::Everywhere => true,
        Place::Only(only) => only == seat,
        Place::At(at) => view.eye.distance(at) <= view.range && view.hidden.binary_search(&id).is_err(),
    };
    out.clear();
    out.extend(
        arena.entities().iter().filter(|(id, one)| is_shown(*id, one)).map(|(id, one)| (id, one.clone())),
    );
}
