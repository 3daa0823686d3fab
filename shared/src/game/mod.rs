//! The `Game` trait: what a game maker brings, and what Quarrel hands to it.
//!
//! A game is a deterministic state machine. State begins only in [`Game::new`] and [`Game::load`]; it changes only in
//! [`Game::seat_taken`], [`Game::seat_left`] and [`Game::step`]. No clock, no OS randomness, no hash order, no floats in
//! state that crosses a tick: then replays, desync checks, crash resume and hand-over come for nothing.

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

/// A game that Quarrel can run: its rules, its state and how both are coded.
pub trait Game: Sized + Send + 'static {
    /// The name in every handshake, journal and room listing. At most 32 bytes.
    const NAME: &'static str;

    /// Raised whenever the coding of inputs, entities or events changes: both ends must have the same.
    const REVISION: u32;

    /// How many seats a room of this game has, and how many of them bots keep warm, unless the operator says otherwise.
    const ROOM: RoomDefaults;

    /// The skills that [`Self::brain`] knows, the default first. Empty for a game without bots.
    const SKILLS: &'static [&'static str] = &[];

    /// What a room is created with.
    type Settings: Serialize + DeserializeOwned + Default + Clone + Debug + Send + Sync + 'static;

    /// One seat's intention for one tick. Its decoder clamps: what a peer sends is never trusted.
    type Input: Bits + Default + Clone + PartialEq + Debug + Send + Sync + 'static;

    /// The state of one replicated thing.
    type Entity: Entity;

    /// A fact that must arrive, in order. At most [`MAX_EVENT_BYTES`](crate::limits::MAX_EVENT_BYTES) when coded.
    type Event: Bits + Clone + PartialEq + Debug + Serialize + Send + Sync + 'static;

    /// The state of a new room: the only way that state begins.
    fn new(setup: &Setup<Self::Settings>) -> Self;

    /// Somebody sits down. The seat was empty before.
    fn seat_taken(&mut self, seat: SeatId, occupant: Occupant);

    /// Whoever held the seat is gone.
    fn seat_left(&mut self, seat: SeatId);

    /// One tick of the rules.
    fn step(&mut self, step: Step<'_, Self>);

    /// Everything that is replicated, by id.
    fn entities(&self) -> &Entities<Self::Entity>;

    /// Where this seat looks from, how far, and what is hidden from it. Asked once a tick for each taken seat.
    fn view(&self, seat: SeatId) -> Viewpoint;

    /// How the match ended; `None` while it runs. A game that starts over answers `None` again.
    fn outcome(&self) -> Option<Outcome>;

    /// Writes the whole state, exactly.
    fn save(&self, out: &mut BitWriter);

    /// The state that [`Self::save`] wrote, in a room of the same setup.
    ///
    /// # Errors
    /// When the bits are not such a state.
    fn load(setup: &Setup<Self::Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// What a seat goes on wanting for a short while when its inputs fail to come, given its last one: movement, never a shot.
    /// Nothing, unless the game says otherwise.
    #[must_use]
    fn coast(_last: &Self::Input) -> Self::Input {
        Self::Input::default()
    }

    /// A bot of the named skill, for server seats and load tests alike. `None` for a skill not in [`Self::SKILLS`].
    #[must_use]
    fn brain(_skill: &str, _seed: u64) -> Option<Box<dyn Brain<Self>>> {
        None
    }

    /// What an event says that `seat` did, as load tests count it.
    #[must_use]
    fn metric(_event: &Self::Event, _seat: SeatId) -> Option<GameMetric> {
        None
    }
}

/// A game whose clients may step their own things ahead of the server. Everything has a default, so that a game without
/// prediction says `impl Predict for MyGame { type Scene = (); }` and no more.
pub trait Predict: Game {
    /// What motion depends on besides the seat's own things and its input: walls, gates, the phase of the match.
    type Scene: Default + Send;

    /// Brings the scene up to a newly confirmed view, given as entities in id order.
    fn observe(_scene: &mut Self::Scene, _seen: &Observation<'_, Self>) {}

    /// Whether this seat moves this thing itself.
    #[must_use]
    fn is_predicted(_entity: &Self::Entity, _seat: SeatId) -> bool {
        false
    }

    /// Moves the seat's own things by one tick: the same rules that [`Game::step`] uses, never a copy of them. What the seat lets
    /// loose in this tick is added, what came to its end is removed.
    fn predict(
        _own: &mut PredictedEntities<Self::Entity>,
        _input: &Self::Input,
        _scene: &Self::Scene,
        _rate: TickRate,
    ) {
    }
}

/// The state of one replicated thing: coded whole, or as what differs from an older self.
pub trait Entity: Clone + PartialEq + Debug + Serialize + Send + Sync + 'static {
    /// Where it is, for the rule that picks who is told of it.
    fn place(&self) -> Place;

    /// Appends this state, whole.
    fn encode(&self, out: &mut BitWriter);

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the bits are no such state.
    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError>;

    /// What is drawn between this state and a later one of the same thing, `part` of `whole` on the way. It must be right at both
    /// ends of the way, and a game that rewinds must judge by the same rule. By default things jump when the later state is due.
    #[must_use]
    fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        if part >= whole { later.clone() } else { self.clone() }
    }

    /// The same thing drawn so far beside its place, in 1/256 unit: how a correction is eased. Things without a place stay.
    #[must_use]
    fn displaced(&self, _by: Point) -> Self {
        self.clone()
    }

    /// Whether the way from this state to a later one is no motion: it appeared anew or was put elsewhere, so nothing is drawn in
    /// between and no correction is eased.
    #[must_use]
    fn jumps_to(&self, _later: &Self) -> bool {
        false
    }

    /// What this state will be `ticks` later if nobody touches it. The better the guess, the fewer the bytes: an entity
    /// that is as expected costs one bit. Both ends call it, so it must be deterministic; it need not be right.
    #[must_use]
    fn extrapolate(&self, _ticks: u32) -> Self {
        self.clone()
    }

    /// Appends what differs from `expected`. Called only when something does.
    fn encode_delta(&self, _expected: &Self, out: &mut BitWriter) {
        self.encode(out);
    }

    /// Reads what [`Self::encode_delta`] wrote against the same `expected`.
    ///
    /// # Errors
    /// When the bits are no such delta.
    fn decode_delta(_expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Self::decode(from)
    }
}

/// All that a room's state begins from. Equal setups and equal entries give equal rooms.
#[derive(Clone, Debug)]
pub struct Setup<S> {
    /// The game's own settings.
    pub settings: S,
    /// Where all of the room's randomness comes from.
    pub seed: u64,
    /// How many seats the room has.
    pub seats: u16,
    /// How many steps make a second.
    pub tick_rate: TickRate,
}

/// What a room of a game looks like when the operator says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomDefaults {
    /// Seats in a room.
    pub seats: u16,
    /// How many bots a public room keeps while it has empty seats for them; they leave as people come.
    pub bots: u16,
}

/// Who sits down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// Somebody behind a connection.
    Player,
    /// A bot of the server's.
    Bot,
}

/// How a match ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Who won; empty for a draw.
    pub winners: Vec<SeatId>,
    /// Every seat's score, in seat order.
    pub scores: Vec<(SeatId, i32)>,
    /// What the match was played on.
    pub seed: u64,
}
