//! Arena, the game that ships with Quarrel: crossbows, longbows and swords on a walled map, by default for sixteen
//! players.
//!
//! All state is integers. A checkpoint ([`save`](Game::save)) holds the replicated entities and, never sent to a client, a
//! random generator, the positions of the last ticks and the recent hits. The modules, in reading order:
//!
//! - `map`: walls from a seed; collision and raycasts.
//! - `weapon`, `body`: the values that a fighter holds.
//! - `fighter`, `kit`, `score`, `bolt`, `pickup`, `match_state`: the replicated state; `entity` is the enum of these.
//! - `input`, `event`, `settings`: inputs and outputs.
//! - `movement`: the rule of motion, shared by the server's step and client prediction (`predict`).
//! - `weapons`: triggers and hit tests.
//! - `history`: recent positions, for lag compensation.
//! - `recent_hits`: recent pairs of attacker and victim, for the priority of updates.
//! - `state`: the state of a room; the modules below implement its rules.
//! - `step`: one tick, in order; `combat`, `pickups`, `rules`, `spawn` and `seats` are its parts.
//! - `visibility`: the entities that a seat sees; `sound`: events in earshot but out of sight; `save`: checkpoints.
//! - `brain`: the bots.
//!
//! This file implements [`Game`] with all of them.

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
mod state;
mod step;
mod team;
mod visibility;
mod weapon;
mod weapons;

#[cfg(test)]
mod tests;

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
    state::Arena,
    team::{Allegiance, Team},
    weapon::Weapon,
    weapons::{arrow_target, releases_arrow},
};
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Brain, Entities, Game, GameMetric, Occupant, Outcome, RoomDefaults, Setup, Step, Viewpoint},
    id::SeatId,
};

/// The number of seats of the largest room. Each seat's sight is tested against all fighters, so the cost grows with the square of the
/// seats: with 256 bots, a tick takes a sixth of its period at 30 Hz, and with 512 half of it.
const MAX_SEATS: u16 = 256;

impl Game for Arena {
    const NAME: &'static str = "arena";
    const REVISION: u32 = 2;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ROOM: RoomDefaults = RoomDefaults { seats: 16, bots: 6, max_seats: MAX_SEATS };
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
