//! Arena, the game that ships with Quarrel: crossbows, longbows and swords on a walled map, for sixteen players.
//!
//! All state is integers, and all of it is on the wire: [`save`](Game::save) writes the replicated entities, a random
//! generator and the last ticks. The modules, in reading order:
//!
//! - `map`: walls from a seed; collision and raycasts.
//! - `weapon`, `body`: the values that a fighter holds.
//! - `fighter`, `kit`, `score`, `bolt`, `pickup`, `match_state`: the replicated state; `entity` is the enum of all.
//! - `input`, `event`, `settings`: inputs and outputs.
//! - `movement`: the rule of motion, shared by the server's step and client prediction (`predict`).
//! - `weapons`: triggers and hit tests.
//! - `history`: recent positions, for lag compensation.
//! - `recent_hits`: recent pairs of attacker and victim, for interest.
//! - `step`: one tick, in order; `combat`, `pickups`, `rules`, `spawn` and `seats` are its parts.
//! - `visibility`: what a seat sees; `sound`: events in earshot but out of sight; `save`: checkpoints.
//! - `brain`: the bots.

mod body;
mod bolt;
mod brain;
mod coding;
mod combat;
mod entity;
mod event;
mod fighter;
mod geometry;
mod history;
mod input;
mod kit;
mod map;
mod match_state;
mod movement;
mod pickup;
mod pickups;
mod predict;
mod recent_hits;
mod rules;
mod save;
mod score;
mod seats;
mod settings;
mod sound;
mod spawn;
mod step;
mod team;
mod visibility;
mod weapon;
mod weapons;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    body::{Body, VELOCITY_STEP},
    bolt::Bolt,
    entity::ArenaEntity,
    event::{Event, Winner},
    fighter::Fighter,
    input::Input,
    kit::Kit,
    map::{Map, Tile},
    match_state::{Match, Phase},
    movement::RUN_SPEED,
    pickup::{Pickup, PickupKind},
    predict::Scene,
    score::Score,
    settings::{Mode, Settings},
    team::{Allegiance, Team},
    weapon::Weapon,
    weapons::{arrow_target, releases_arrow},
};
use self::{history::PositionHistory, recent_hits::RecentHits};
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
/// The rules work on typed state; `entities` is its published copy, updated at the end of each change.
#[derive(Clone, Debug)]
pub struct Arena {
    settings: Settings,
    rate: TickRate,
    /// The last simulated tick.
    tick: Tick,
    /// The room's secret seed; each match's map seed derives from it.
    seed: u64,
    rng: GameRng,
    /// Generated from the match's seed.
    map: Map,
    current_match: Published<Match>,
    /// One element for each seat.
    seats: Vec<Option<Player>>,
    bolts: BTreeMap<EntityId, Bolt>,
    pickups: BTreeMap<EntityId, Pickup>,
    /// Positions of the last ticks, for lag compensation.
    history: PositionHistory,
    /// Hits of the last second.
    recent_hits: RecentHits,
    entities: Entities<ArenaEntity>,
}

/// A state and the id under which it is published.
#[derive(Clone, Debug)]
struct Published<T> {
    id: EntityId,
    state: T,
}

/// The state of an occupied seat.
#[derive(Clone, Debug)]
struct Player {
    fighter: Published<Fighter>,
    kit: Published<Kit>,
    score: Published<Score>,
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
        Self::create(setup)
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

    /// Keeps walking and aiming, but starts no dash. A drawn longbow stays drawn, because releasing it shoots.
    fn coast(last: &Input) -> Input {
        Input { fire: last.fire && last.weapon == Weapon::Longbow, dash: false, ..*last }
    }

    fn brain(skill: &str, seed: u64) -> Option<Box<dyn Brain<Self>>> {
        brain::with_skill(skill, seed)
    }

    fn metric(event: &Event, seat: SeatId) -> Option<GameMetric> {
        event.metric(seat)
    }
}

impl Arena {
    /// The map of the current match.
    #[must_use]
    pub const fn map(&self) -> &Map {
        &self.map
    }

    /// All occupied seats, in seat order.
    fn players(&self) -> impl Iterator<Item = &Player> {
        self.seats.iter().flatten()
    }

    /// All occupied seats, mutable, in seat order.
    fn players_mut(&mut self) -> impl Iterator<Item = &mut Player> {
        self.seats.iter_mut().flatten()
    }

    /// The occupied seat with this number.
    fn player_mut(&mut self, seat: SeatId) -> Option<&mut Player> {
        self.seats.get_mut(seat.index())?.as_mut()
    }

    /// Copies the typed states to `entities`. Every state has an id since its creation, so none is missing.
    fn publish(&mut self) {
        let Self { entities, seats, bolts, pickups, current_match, .. } = self;
        let mut update = |id: EntityId, state: ArenaEntity| {
            if let Some(published) = entities.get_mut(id) {
                *published = state;
            }
        };
        update(current_match.id, ArenaEntity::Match(current_match.state.clone()));
        for Player { fighter, kit, score } in seats.iter().flatten() {
            update(fighter.id, ArenaEntity::Fighter(fighter.state.clone()));
            update(kit.id, ArenaEntity::Kit(kit.state.clone()));
            update(score.id, ArenaEntity::Score(score.state.clone()));
        }
        bolts.iter().for_each(|(&id, bolt)| update(id, ArenaEntity::Bolt(bolt.clone())));
        pickups.iter().for_each(|(&id, pickup)| update(id, ArenaEntity::Pickup(pickup.clone())));
    }
}
