//! The interface between a game and the engine: the traits that a game implements, and the arguments and results of their methods.
//!
//! They are in one file because the traits and their arguments are defined by each other: a [`Step`] holds the inputs and events
//! of a [`Game`], which takes that step.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use super::{Entities, Entity, PredictedEntities, Rewind, Viewpoint};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
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
    type Input: Bits + Default + Clone + PartialEq + Debug + Serialize + Send + Sync + 'static;

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

/// The arguments of one simulation step.
pub struct Step<'a, G: Game> {
    /// The tick after this step: a room's first step is tick 1.
    pub tick: Tick,
    /// The input of each seat.
    pub inputs: Inputs<'a, G::Input>,
    /// The time that each seat saw when it made its input.
    pub rewind: Rewind<'a>,
    /// The events of this tick; the game pushes to it.
    pub events: &'a mut Outbox<G::Event>,
}

/// Each seat's input for one tick. A seat without one (it is empty, or starved for too long) is idle.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, I>(&'a [Option<I>]);

impl<'a, I> Inputs<'a, I> {
    /// Creates the inputs from a list with one element per seat.
    #[must_use]
    pub const fn new(by_seat: &'a [Option<I>]) -> Self {
        Self(by_seat)
    }

    /// Returns this seat's input, if it has one.
    #[must_use]
    pub fn of(&self, seat: SeatId) -> Option<&'a I> {
        self.0.get(seat.index())?.as_ref()
    }

    /// Iterates over all inputs in seat order.
    pub fn iter(&self) -> impl Iterator<Item = (SeatId, &'a I)> + use<'a, I> {
        self.0.iter().enumerate().filter_map(|(i, input)| Some((SeatId(i as u16), input.as_ref()?)))
    }
}

/// The events of one tick, each with its recipients.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Outbox<E>(Vec<(Audience, E)>);

impl<E> Outbox<E> {
    /// Creates an empty outbox.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an event for `audience`. An event must not reveal anything that a recipient may not see.
    pub fn push(&mut self, audience: Audience, event: E) {
        self.0.push((audience, event));
    }

    /// Removes and returns all events, in the order of the pushes.
    pub fn drain(&mut self) -> impl Iterator<Item = (Audience, E)> + '_ {
        self.0.drain(..)
    }
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// The recipients of an event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Audience {
    /// Every occupied seat.
    All,
    /// One seat.
    Only(SeatId),
    /// A list of seats.
    Seats(Vec<SeatId>),
}

impl Audience {
    /// Whether this seat is a recipient.
    #[must_use]
    pub fn includes(&self, seat: SeatId) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => *only == seat,
            Self::Seats(seats) => seats.contains(&seat),
        }
    }
}

/// One seat's view at one tick: all that a bot, a prediction or a screen may know.
#[derive(Debug)]
pub struct Observation<'a, G: Game> {
    /// The tick of the view.
    pub tick: Tick,
    /// The room's tick rate.
    pub rate: TickRate,
    /// The seat to which the view belongs.
    pub seat: SeatId,
    /// The entities of the view, in ascending order of ids.
    pub entities: &'a [(EntityId, G::Entity)],
}

impl<G: Game> Clone for Observation<'_, G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G: Game> Copy for Observation<'_, G> {}

/// A bot's decision maker. A bot has a seat, observes that seat's view and answers with inputs, as a player does.
pub trait Brain<G: Game>: Send {
    /// Chooses the next input, given the newest view.
    fn decide(&mut self, seen: Observation<'_, G>) -> G::Input;
}

/// An occurrence in a game that load tests count per seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GameMetric {
    /// The seat used a weapon.
    Shot,
    /// The seat hit another one.
    Hit,
    /// The seat eliminated another one.
    Elimination,
    /// A match ended.
    MatchFinished,
}
