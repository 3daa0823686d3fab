//! The interface between a game and the engine: the traits [`Game`], [`Predict`] and [`Brain`], and the arguments and results of
//! their methods.
//!
//! Traits and arguments are in one file because they refer to each other: a [`Step`] holds the inputs and events of a [`Game`],
//! and [`Game::step`] takes a [`Step`]. `server/examples/tag.rs` is a complete game in under 200 lines.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use super::{Entities, Entity, PredictedEntities, Rewind, Viewpoint};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// A game that Quarrel can run. One value is the state of one room; the methods are its rules and its encoding.
///
/// A room has a fixed number of seats, and each seat has at most one occupant, a player or a bot. Per tick the room calls:
///
/// 1. [`Self::seat_taken`] and [`Self::seat_left`], once for each change of an occupant since the previous tick, in order;
/// 2. [`Self::step`], with the input of each seat;
/// 3. if a snapshot is due in this tick, [`Self::entities`] and, for each occupied seat, [`Self::view`]: each player receives the
///    entities that its viewpoint selects;
/// 4. [`Self::outcome`], to detect the end of a match.
///
/// The state must be deterministic: two values that were created from equal setups, and received equal calls of steps 1 and 2, save
/// the same bytes. Therefore these methods use no clock, no OS randomness, no hash order and no floats in state that outlives a
/// tick; randomness comes from a [`GameRng`](super::GameRng) that is part of the state. In return, replays, desync checks and
/// recovery after a crash work without further code.
///
/// If a method panics, the room ends with [`CloseReason::RoomFailed`](crate::protocol::CloseReason::RoomFailed); the server's other
/// rooms continue.
pub trait Game: Sized + Send + 'static {
    /// The name of the game in handshakes, journals and the server's status. At most
    /// [`MAX_GAME_NAME_BYTES`](crate::limits::MAX_GAME_NAME_BYTES): clients send a longer name cut off, and the server rejects it.
    const NAME: &'static str;

    /// The revision of the game. Raise it with every change of the encoding of inputs, entities, events or saved states, and of the
    /// rules. A server accepts only clients with its own revision, and a journal is replayed only by the revision that wrote it.
    const REVISION: u32;

    /// The version of the game for people, such as `env!("CARGO_PKG_VERSION")`. Journals contain it, so that a maker knows which build a
    /// journal needs.
    const VERSION: &'static str = "";

    /// The number of seats and the maximum number of bots in a room, unless the operator configures others, and the largest room.
    const ROOM: RoomDefaults;

    /// The names of the bot skills that [`Self::brain`] accepts, the default first. Empty for a game without bots.
    const SKILLS: &'static [&'static str] = &[];

    /// The game's settings, fixed when a room is created. The server reads them from its configuration (the default value if they are
    /// not configured) and stores them as JSON in the room's journal.
    type Settings: Serialize + DeserializeOwned + Default + Clone + Debug + Send + Sync + 'static;

    /// One seat's intention for one tick, such as a direction and a trigger. At most
    /// [`MAX_INPUT_BITS`](crate::limits::MAX_INPUT_BITS) when encoded: a longer one is rejected with its datagram. The decoder must
    /// reject or clamp values out of range, because inputs come from clients that are not trusted.
    ///
    /// Rooms and prediction use every input in its [canonical](crate::bits::canonical) form, as the decoder returns it, so that live play,
    /// replays and prediction step with the same values.
    type Input: Bits + Default + Clone + PartialEq + Debug + Serialize + Send + Sync + 'static;

    /// The state of one replicated entity: part of the game's state that clients receive in snapshots.
    type Entity: Entity;

    /// A fact of one tick, such as a hit, that its recipients receive reliably and in order. At most
    /// [`MAX_EVENT_BYTES`](crate::limits::MAX_EVENT_BYTES) when encoded: the server logs an error for a longer one and does not send
    /// it.
    type Event: Bits + Clone + PartialEq + Debug + Serialize + Send + Sync + 'static;

    /// Creates the state of a new room at tick 0, with all seats empty.
    fn new(setup: &Setup<Self::Settings>) -> Self;

    /// Adds an occupant to an empty seat, before the step of a tick.
    fn seat_taken(&mut self, seat: SeatId, occupant: Occupant);

    /// Removes the occupant of a seat, before the step of a tick. Not called while the room holds the seat of a player whose connection
    /// was lost: that seat has no inputs, or those of a bot, until the player returns or the hold ends.
    fn seat_left(&mut self, seat: SeatId);

    /// Advances the state by one tick. The tick rate is in [`Setup::tick_rate`]; a game that needs it keeps it from [`Self::new`].
    fn step(&mut self, step: Step<'_, Self>);

    /// Returns all replicated entities, including those that some seats may not see: viewpoints and [`Entity::place`] select from them.
    fn entities(&self) -> &Entities<Self::Entity>;

    /// Returns the viewpoint of an occupied seat, which selects the entities that the seat receives. Called for each snapshot, so at
    /// most once per tick and seat.
    fn view(&self, seat: SeatId) -> Viewpoint;

    /// Returns the result of the match, or `None` while a match is running. The room checks it after each tick, and records one result
    /// each time it changes from `None` to `Some`. A game that starts another match in the same room returns `None` for at least one
    /// tick in between.
    fn outcome(&self) -> Option<Outcome>;

    /// Appends the complete state to `out`, including what is not replicated, such as random generators. Used for checkpoints and
    /// checksums.
    fn save(&self, out: &mut BitWriter);

    /// Loads a state that [`Self::save`] wrote in a room of the same setup. The loaded state must behave exactly as the saved one in
    /// all later ticks.
    ///
    /// # Errors
    /// When the bits are not a saved state. A checkpoint may come from a damaged file: a wrong value must not panic.
    fn load(setup: &Setup<Self::Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// Returns the input for a tick whose own input has not arrived, given the seat's last used input. Keep the movement, but start no
    /// shot: the player has not decided on it. The server uses it for up to 250 ms after the last used input, and prediction on the
    /// client does the same; after that the seat has no input. By default, the default input.
    #[must_use]
    fn coast(_last: &Self::Input) -> Self::Input {
        Self::Input::default()
    }

    /// Creates the behaviour of a bot with this skill, whose random decisions depend only on `seed`. Bots take empty seats, play held
    /// seats if the operator wants that, and are the clients of load tests. `None` for a skill that is not in [`Self::SKILLS`].
    #[must_use]
    fn brain(_skill: &str, _seed: u64) -> Option<Box<dyn Brain<Self>>> {
        None
    }

    /// Returns the counter that a load test increments when the bot on `seat` receives this event; `None` if the event counts nothing for
    /// that seat. An event with several recipients should count for one of them: a hit for the seat that made it.
    #[must_use]
    fn metric(_event: &Self::Event, _seat: SeatId) -> Option<GameMetric> {
        None
    }
}

/// A game that a client can play. The client predicts the entities of its own seat ahead of the server, so that the player sees the
/// effect of an input at once. The server needs only [`Game`]. Every method has a default, so that a game without prediction needs only
/// `impl Predict for MyGame { type Scene = (); }`.
pub trait Predict: Game {
    /// The state on which motion depends besides the predicted entities and the input, such as walls or the phase of the match. Begins
    /// with the default value, before the first view.
    type Scene: Default + Send;

    /// Updates the scene from the view of a newly received snapshot. Called once per applied snapshot, in the order of ticks.
    fn observe(_scene: &mut Self::Scene, _seen: &Observation<'_, Self>) {}

    /// Returns true if a client on this seat predicts this entity. Others are interpolated between two snapshots.
    #[must_use]
    fn is_predicted(_entity: &Self::Entity, _seat: SeatId) -> bool {
        false
    }

    /// Steps the predicted entities of one seat by one tick. Adds entities that the seat spawns in this tick, such as a bolt
    /// ([`PredictedEntities::spawn`]), and removes those that end ([`PredictedEntities::retain_mut`]).
    ///
    /// Use the same functions as [`Game::step`], never a copy of them: a client corrects its display wherever the two disagree. A
    /// client calls it again for the same tick when a snapshot differs from the prediction, and not at all for a tick without an input.
    fn predict(
        _own: &mut PredictedEntities<Self::Entity>,
        _input: &Self::Input,
        _scene: &Self::Scene,
        _rate: TickRate,
    ) {
    }
}

/// The parameters from which a room's state is created. They do not change while the room exists.
#[derive(Clone, Debug)]
pub struct Setup<S> {
    /// The game's own settings.
    pub settings: S,
    /// The seed of all randomness in the game's state.
    pub seed: u64,
    /// The number of seats in the room.
    pub seats: u16,
    /// The number of ticks per second.
    pub tick_rate: TickRate,
}

/// A game's defaults for its rooms, which the operator's configuration overrides, and the largest room that it supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomDefaults {
    /// The number of seats in a room.
    pub seats: u16,
    /// The maximum number of bots in a room. Bots take seats that are empty and leave as players join.
    pub bots: u16,
    /// The largest number of seats that an operator may configure: that of the largest room whose steps and views are made in time at the
    /// game's tick rate. At most [`MAX_ROOM_SEATS`](crate::limits::MAX_ROOM_SEATS).
    pub max_seats: u16,
}

/// The kind of a seat's occupant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// A player. The game is not notified when the player's connection is lost and the room holds the seat.
    Player,
    /// A bot that the server runs.
    Bot,
}

/// The result of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The winning seats; empty for a draw.
    pub winners: Vec<SeatId>,
    /// The score of every occupied seat, in seat order.
    pub scores: Vec<(SeatId, i32)>,
    /// The seed of the match, for games that derive a match from one (Arena: the map). Stored with the result.
    pub seed: u64,
}

/// The arguments of [`Game::step`].
pub struct Step<'a, G: Game> {
    /// The number of this tick. The first step of a room is tick 1; tick 0 is its initial state.
    pub tick: Tick,
    /// The input of each seat for this tick.
    pub inputs: Inputs<'a, G::Input>,
    /// The time in the room that each seat's player saw when it chose its input, for lag compensation.
    pub rewind: Rewind<'a>,
    /// Receives the events of this tick: the game pushes them, and the room sends them after the step.
    pub events: &'a mut Outbox<G::Event>,
}

/// The inputs of all seats for one tick. A seat has no input while it is empty, before its player's first input arrives, when no input
/// has arrived for too long (see [`Game::coast`]), and while it is held without a bot.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, I>(&'a [Option<I>]);

impl<'a, I> Inputs<'a, I> {
    /// Creates the inputs from a list with one element per seat, in seat order.
    #[must_use]
    pub const fn new(by_seat: &'a [Option<I>]) -> Self {
        Self(by_seat)
    }

    /// Returns this seat's input; `None` if it has none or does not exist.
    #[must_use]
    pub fn of(&self, seat: SeatId) -> Option<&'a I> {
        self.0.get(seat.index())?.as_ref()
    }

    /// Iterates over the seats that have an input, in seat order.
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

    /// Adds an event for `audience`. Events are not filtered by viewpoints: an event must not reveal anything that a recipient may not
    /// see.
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

/// The seats that receive an event. Bots of the server receive no events.
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
    /// Returns true if this seat receives the event. [`Self::All`] includes every seat, occupied or not.
    #[must_use]
    pub fn includes(&self, seat: SeatId) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => *only == seat,
            Self::Seats(seats) => seats.contains(&seat),
        }
    }
}

/// One seat's view at one tick: the input of bots and of prediction. Contains only what the seat's player receives, so that a bot
/// cannot cheat.
#[derive(Debug)]
pub struct Observation<'a, G: Game> {
    /// The tick of the view.
    pub tick: Tick,
    /// The room's tick rate.
    pub rate: TickRate,
    /// The seat to which the view belongs.
    pub seat: SeatId,
    /// The entities in the view, in ascending order of ids.
    pub entities: &'a [(EntityId, G::Entity)],
}

impl<G: Game> Clone for Observation<'_, G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G: Game> Copy for Observation<'_, G> {}

/// The behaviour of a bot. A bot occupies a seat, receives the view of that seat, and chooses inputs, as a player does.
pub trait Brain<G: Game>: Send {
    /// Returns the bot's input for the next tick, given its newest view. Called once per tick.
    fn decide(&mut self, seen: Observation<'_, G>) -> G::Input;

    /// Returns false if [`Self::decide`] ignores the entities. The server then does not select the bot's view, which costs more than a
    /// simple decision, and passes no entities.
    fn needs_view(&self) -> bool {
        true
    }
}

/// A counter of load tests, incremented per seat by [`Game::metric`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GameMetric {
    /// The seat used a weapon.
    Shot,
    /// The seat hit an opponent.
    Hit,
    /// The seat eliminated an opponent.
    Elimination,
    /// A match ended.
    MatchFinished,
}
