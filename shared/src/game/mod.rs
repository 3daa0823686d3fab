//! The `Game` trait, which a game maker implements, and the types that it works with.
//!
//! A game is a deterministic state machine. State begins only in [`Game::new`] and [`Game::load`]; it changes only in
//! [`Game::seat_taken`], [`Game::seat_left`] and [`Game::step`]. A game uses no clock, no OS randomness, no hash order and no floats
//! in state that crosses a tick; then replays, desync checks, crash resume and hand-over need no further code.

mod angle;
mod brain;
mod checksum;
mod difference;
mod entities;
mod point;
mod predicted;
mod rewind;
mod rng;
mod step;
mod view;

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::rewind::max_rewind;
pub use self::{
    angle::Angle,
    brain::{Brain, GameMetric, Observation},
    checksum::{Checksum, checksum},
    difference::{Difference, Differences, differences, differences_between, fields_of},
    entities::Entities,
    point::{Point, UNIT},
    predicted::PredictedEntities,
    rewind::{Rewind, TickHistory},
    rng::GameRng,
    step::{Audience, Inputs, Outbox, Step},
    view::{Place, Viewpoint},
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
    tick::TickRate,
};

/// A game that Quarrel can run: its rules, its state and their encoding.
pub trait Game: Sized + Send + 'static {
    /// The name in every handshake, journal and room listing. At most 32 bytes.
    const NAME: &'static str;

    /// The revision of the encoding of inputs, entities and events. Raise it with every change: both ends must have the same.
    const REVISION: u32;

    /// The number of seats and of bots in a room, unless the operator configures others.
    const ROOM: RoomDefaults;

    /// The skills that [`Self::brain`] accepts, the default first. Empty for a game without bots.
    const SKILLS: &'static [&'static str] = &[];

    /// The settings with which a room is created.
    type Settings: Serialize + DeserializeOwned + Default + Clone + Debug + Send + Sync + 'static;

    /// One seat's intention for one tick. Its decoder clamps all values because a peer is not trusted.
    type Input: Bits + Default + Clone + PartialEq + Debug + Send + Sync + 'static;

    /// The state of one replicated entity.
    type Entity: Entity;

    /// A fact that is delivered reliably and in order. At most [`MAX_EVENT_BYTES`](crate::limits::MAX_EVENT_BYTES) when encoded.
    type Event: Bits + Clone + PartialEq + Debug + Serialize + Send + Sync + 'static;

    /// Creates the state of a new room.
    fn new(setup: &Setup<Self::Settings>) -> Self;

    /// Adds an occupant to a seat. The seat was empty before.
    fn seat_taken(&mut self, seat: SeatId, occupant: Occupant);

    /// Removes the occupant of a seat.
    fn seat_left(&mut self, seat: SeatId);

    /// Advances the state by one tick.
    fn step(&mut self, step: Step<'_, Self>);

    /// Returns all replicated entities.
    fn entities(&self) -> &Entities<Self::Entity>;

    /// Returns this seat's viewpoint. Called once per tick for each occupied seat.
    fn view(&self, seat: SeatId) -> Viewpoint;

    /// Returns the result of the match; `None` while it runs. A game that starts over returns `None` again.
    fn outcome(&self) -> Option<Outcome>;

    /// Writes the whole state without loss.
    fn save(&self, out: &mut BitWriter);

    /// Loads a state that [`Self::save`] wrote, in a room of the same setup.
    ///
    /// # Errors
    /// When the bits are not a saved state.
    fn load(setup: &Setup<Self::Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// Returns the input that replaces a missing one for a short while, given the seat's last input: movement, never a shot. The
    /// default input, unless the game overrides it.
    #[must_use]
    fn coast(_last: &Self::Input) -> Self::Input {
        Self::Input::default()
    }

    /// Creates a bot of the named skill, for server seats and for load tests. `None` for a skill not in [`Self::SKILLS`].
    #[must_use]
    fn brain(_skill: &str, _seed: u64) -> Option<Box<dyn Brain<Self>>> {
        None
    }

    /// The metric that an event counts for `seat` in load tests, if it counts one.
    #[must_use]
    fn metric(_event: &Self::Event, _seat: SeatId) -> Option<GameMetric> {
        None
    }
}

/// A game whose clients predict their seat's entities ahead of the server. Every method has a default, so that a game without
/// prediction needs only `impl Predict for MyGame { type Scene = (); }`.
pub trait Predict: Game {
    /// The state on which motion depends besides the predicted entities and the input: walls, gates, the phase of the match.
    type Scene: Default + Send;

    /// Updates the scene from a newly confirmed view.
    fn observe(_scene: &mut Self::Scene, _seen: &Observation<'_, Self>) {}

    /// Whether a client on this seat predicts this entity.
    #[must_use]
    fn is_predicted(_entity: &Self::Entity, _seat: SeatId) -> bool {
        false
    }

    /// Steps the predicted entities by one tick with the same code that [`Game::step`] uses, never a copy of it. Adds entities that
    /// the seat spawns in this tick and removes those that end.
    fn predict(
        _own: &mut PredictedEntities<Self::Entity>,
        _input: &Self::Input,
        _scene: &Self::Scene,
        _rate: TickRate,
    ) {
    }
}

/// The state of one replicated entity, encoded whole or as a delta against an expected state.
pub trait Entity: Clone + PartialEq + Debug + Serialize + Send + Sync + 'static {
    /// Returns the entity's place, from which the interest rule derives the seats that receive it.
    fn place(&self) -> Place;

    /// Appends the whole state to `out`.
    fn encode(&self, out: &mut BitWriter);

    /// Decodes a state that [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bits are not an encoded state.
    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// Interpolates between this state and a later one of the same entity by `part / whole`, for drawing. It must be exact at both
    /// ends, and a game with lag compensation must judge by the same rule. The default keeps this state until `part` is `whole`.
    #[must_use]
    fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        if part >= whole { later.clone() } else { self.clone() }
    }

    /// Returns the entity displaced by an offset in 1/256 unit, which eases a correction. Entities without a place stay.
    #[must_use]
    fn displaced(&self, _by: Point) -> Self {
        self.clone()
    }

    /// Whether the entity respawned or teleported between this state and a later one: then neither interpolation nor the easing of
    /// a correction applies.
    #[must_use]
    fn jumps_to(&self, _later: &Self) -> bool {
        false
    }

    /// Extrapolates this state by `ticks`, as if nothing affected it. A better guess saves bytes: an entity that matches it
    /// costs one bit. Both ends call it, so it must be deterministic; it need not be right.
    #[must_use]
    fn extrapolate(&self, _ticks: u32) -> Self {
        self.clone()
    }

    /// Appends the delta against `expected`. Called only if the states differ.
    fn encode_delta(&self, _expected: &Self, out: &mut BitWriter) {
        self.encode(out);
    }

    /// Decodes a delta that [`Self::encode_delta`] wrote against the same `expected`.
    ///
    /// # Errors
    /// When the bits are not an encoded delta.
    fn decode_delta(_expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::decode(from)
    }
}

/// The parameters with which a room's state begins. Equal setups and equal entries give equal rooms.
#[derive(Clone, Debug)]
pub struct Setup<S> {
    /// The game's own settings.
    pub settings: S,
    /// The seed of all of the room's randomness.
    pub seed: u64,
    /// The number of seats in the room.
    pub seats: u16,
    /// The number of steps per second.
    pub tick_rate: TickRate,
}

/// A game's defaults for its rooms, which the operator's configuration overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomDefaults {
    /// The number of seats in a room.
    pub seats: u16,
    /// The number of bots in a public room while it has empty seats for them; they leave as players join.
    pub bots: u16,
}

/// The kind of a seat's occupant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// A player with a connection.
    Player,
    /// A bot of the server.
    Bot,
}

/// The result of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The winning seats; empty for a draw.
    pub winners: Vec<SeatId>,
    /// The score of every seat, in seat order.
    pub scores: Vec<(SeatId, i32)>,
    /// The seed of the match, from which its map follows.
    pub seed: u64,
}
