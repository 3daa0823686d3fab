//! Arena, the game that ships with Quarrel: crossbows, longbows and swords on a walled map, for sixteen.
//!
//! All state is integers and all of it is on the wire: what [`save`](Game::save) writes is the replicated entities and a
//! random generator. The tour, in reading order:
//!
//! - `map`: walls from a seed; circles and lines against them.
//! - `fighter`, `kit`, `score`, `bolt`, `pickup`, `bout`: what is replicated; `entity` puts it under one type.
//! - `input`, `event`, `settings`: what goes in and what comes out.
//! - `movement`: the one rule of motion; `predict` lends it to clients.
//! - `weapons`: what a trigger does and whom it strikes.
//! - `trail`: where everybody stood of late, for shots that are judged by what the shooter saw.
//! - `blows`: who struck whom of late.
//! - `step`: one tick, in order; `combat`, `forage`, `rules`, `spawn` and `seats` are its parts.
//! - `sight`: what a seat may see; `hearing`: what it hears instead; `save`: checkpoints.
//! - `brain`: the bots.

mod blows;
mod bolt;
mod bout;
mod brain;
mod coding;
mod combat;
mod entity;
mod event;
mod fighter;
mod forage;
mod geometry;
mod hearing;
mod input;
mod kit;
mod map;
mod movement;
mod pickup;
mod predict;
mod rules;
mod save;
mod score;
mod seats;
mod settings;
mod sight;
mod spawn;
mod step;
mod team;
mod trail;
mod weapons;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::{blows::Blows, trail::Past};
pub use self::{
    bolt::Bolt,
    bout::{Match, Phase},
    entity::ArenaEntity,
    event::{Event, Winner},
    fighter::Fighter,
    input::Input,
    kit::Kit,
    map::{Map, Tile},
    movement::{Body, GRAIN, RUN_SPEED},
    pickup::{Pickup, PickupKind},
    predict::Scene,
    score::Score,
    settings::{Mode, Settings},
    team::{Allegiance, Team},
    weapons::{Weapon, arrow_target, looses_arrow},
};
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::{
        Brain, Entities, Game, GameMetric, GameRng, Occupant, Outcome, RoomDefaults, Setup, Step, Viewpoint,
    },
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// A room of Arena.
///
/// The rules work on typed state; `entities` is its published copy, brought up to date at the end of whatever changes it.
#[derive(Clone, Debug)]
pub struct Arena {
    settings: Settings,
    rate: TickRate,
    /// The last tick that was stepped.
    tick: Tick,
    /// The room's, which nobody is told; each match's map follows from it.
    seed: u64,
    rng: GameRng,
    /// Made from the match's seed.
    map: Map,
    bout: Tracked<Match>,
    /// One element a seat.
    seats: Vec<Option<Seated>>,
    bolts: BTreeMap<EntityId, Bolt>,
    pickups: BTreeMap<EntityId, Pickup>,
    /// Where everybody stood of late.
    past: Past,
    /// Who struck whom of late.
    blows: Blows,
    entities: Entities<ArenaEntity>,
}

/// A state and the id that it is published under.
#[derive(Clone, Debug)]
struct Tracked<T> {
    id: EntityId,
    state: T,
}

/// All that belongs to a taken seat.
#[derive(Clone, Debug)]
struct Seated {
    fighter: Tracked<Fighter>,
    kit: Tracked<Kit>,
    score: Tracked<Score>,
}

impl Game for Arena {
    const NAME: &'static str = "arena";
    const REVISION: u32 = 2;
    const ROOM: RoomDefaults = RoomDefaults { seats: 16, bots: 6 };
    const SKILLS: &'static [&'static str] = &["skirmish", "hunt", "wander"];

    type Settings = Settings;
    type Input = Input;
    type Entity = ArenaEntity;
    type Event = Event;

    fn new(setup: &Setup<Settings>) -> Self {
        Self::begin(setup)
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        self.take_seat(seat);
    }

    fn seat_left(&mut self, seat: SeatId) {
        self.leave_seat(seat);
    }

    fn step(&mut self, step: Step<'_, Self>) {
        self.advance(step);
    }

    fn entities(&self) -> &Entities<ArenaEntity> {
        &self.entities
    }

    fn view(&self, seat: SeatId) -> Viewpoint {
        self.viewpoint(seat)
    }

    fn outcome(&self) -> Option<Outcome> {
        self.result()
    }

    fn save(&self, out: &mut BitWriter) {
        self.write_state(out);
    }

    fn load(setup: &Setup<Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::read_state(setup, from)
    }

    /// Goes on walking and aiming, and begins no dash. A drawn longbow is held, for to let go is to shoot.
    fn coast(last: &Input) -> Input {
        Input { fire: last.fire && last.weapon == Weapon::Longbow, dash: false, ..*last }
    }

    fn brain(skill: &str, seed: u64) -> Option<Box<dyn Brain<Self>>> {
        brain::of_skill(skill, seed)
    }

    fn metric(event: &Event, seat: SeatId) -> Option<GameMetric> {
        event.metric(seat)
    }
}

impl Arena {
    /// The map that is played on.
    #[must_use]
    pub const fn map(&self) -> &Map {
        &self.map
    }

    /// Everybody seated, in seat order.
    fn seated(&self) -> impl Iterator<Item = &Seated> {
        self.seats.iter().flatten()
    }

    /// Everybody seated, to change them.
    fn seated_mut(&mut self) -> impl Iterator<Item = &mut Seated> {
        self.seats.iter_mut().flatten()
    }

    /// Whoever sits here.
    fn at_seat(&mut self, seat: SeatId) -> Option<&mut Seated> {
        self.seats.get_mut(seat.index())?.as_mut()
    }

    /// Brings `entities` up to date. Ids were given when the states began, so none can be missing.
    fn publish(&mut self) {
        let Self { entities, seats, bolts, pickups, bout, .. } = self;
        let mut show = |id: EntityId, state: ArenaEntity| {
            if let Some(shown) = entities.get_mut(id) {
                *shown = state;
            }
        };
        show(bout.id, ArenaEntity::Match(bout.state.clone()));
        for Seated { fighter, kit, score } in seats.iter().flatten() {
            show(fighter.id, ArenaEntity::Fighter(fighter.state.clone()));
            show(kit.id, ArenaEntity::Kit(kit.state.clone()));
            show(score.id, ArenaEntity::Score(score.state.clone()));
        }
        bolts.iter().for_each(|(&id, bolt)| show(id, ArenaEntity::Bolt(bolt.clone())));
        pickups.iter().for_each(|(&id, pickup)| show(id, ArenaEntity::Pickup(pickup.clone())));
    }
}
