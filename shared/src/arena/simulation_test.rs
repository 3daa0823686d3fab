//! Arena played by its own bots for minutes of game time: what everybody would notice if it were broken.

use std::collections::BTreeMap;

use super::*;
use crate::game::{Audience, Checksum, Entity, Inputs, Outbox, Place, Seen, checksum};

/// A room whose seats are all taken by bots.
pub(super) struct Rig {
    pub(super) setup: Setup<Settings>,
    pub(super) arena: Arena,
    pub(super) tick: Tick,
    brains: Vec<Box<dyn Brain<Arena>>>,
    pub(super) deeds: Vec<BTreeMap<&'static str, u32>>,
    scratch: Vec<(EntityId, ArenaEntity)>,
}

impl Rig {
    fn new(skills: &[&str], settings: Settings, hz: u16, seed: u64) -> Self {
        let setup =
            Setup { settings, seed, seats: skills.len() as u16, tick_rate: TickRate::new(hz).unwrap() };
        let mut arena = Arena::new(&setup);
        (0..setup.seats).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Bot));
        let brains =
            skills.iter().zip(seed..).map(|(skill, seed)| Arena::brain(skill, seed).unwrap()).collect();
        let deeds = vec![BTreeMap::new(); skills.len()];
        Self { setup, arena, tick: Tick(0), brains, deeds, scratch: Vec::new() }
    }

    /// What every bot wants, seen through its own view.
    fn decide(&mut self) -> Vec<Option<Input>> {
        let Self { arena, brains, scratch, setup, tick, .. } = self;
        let mut decide = |(index, brain): (usize, &mut Box<dyn Brain<Arena>>)| {
            let seat = SeatId(index as u16);
            see(arena, seat, scratch);
            brain.decide(Seen { tick: *tick, rate: setup.tick_rate, seat, entities: scratch })
        };
        brains.iter_mut().enumerate().map(|brain| Some(decide(brain))).collect()
    }

    fn step(&mut self) -> Vec<(Audience, Event)> {
        let inputs = self.decide();
        self.tick = self.tick.next();
        let mut events = Outbox::new();
        self.arena.step(Step { tick: self.tick, inputs: Inputs::new(&inputs), events: &mut events });
        let events: Vec<_> = events.drain().collect();
        self.count(&events);
        events
    }

    fn count(&mut self, events: &[(Audience, Event)]) {
        for (seat, deeds) in self.deeds.iter_mut().enumerate() {
            let seat = SeatId(seat as u16);
            let told = events.iter().filter(|(audience, _)| audience.includes(seat));
            for deed in told.filter_map(|(_, event)| Arena::deed(event, seat)) {
                let name = match deed {
                    Deed::Shot => "shots",
                    Deed::Hit => "hits",
                    Deed::Elimination => "eliminations",
                    Deed::MatchFinished => "matches",
                };
                *deeds.entry(name).or_default() += 1;
            }
        }
    }

    fn total(&self, deed: &str) -> u32 {
        self.deeds.iter().filter_map(|deeds| deeds.get(deed)).sum()
    }
}

/// A seat's view, as the room's interest rule would give it.
fn see(arena: &Arena, seat: SeatId, out: &mut Vec<(EntityId, ArenaEntity)>) {
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

#[test]
fn print_figures() {
    for skill in Arena::SKILLS {
        let mut rig = Rig::new(&[*skill; 16], Settings::default(), 30, 5);
        let mut ends = vec![];
        for _ in 0..30 * 180 {
            for (_, e) in rig.step() {
                if matches!(e, Event::MatchEnded { .. } | Event::MatchStarted { .. }) {
                    ends.push(rig.tick.0 as f32 / 30.0);
                }
            }
        }
        println!(
            "{skill}: shots {} hits {} elim {} ends {ends:?}",
            rig.total("shots"),
            rig.total("hits"),
            rig.total("eliminations")
        );
    }
}
