//! The `Game` trait, which a game maker implements, and the types that it works with.
//!
//! A game is a deterministic state machine. Its state is created only by [`Game::new`] and [`Game::load`], and changes only in
//! [`Game::seat_taken`], [`Game::seat_left`] and [`Game::step`]. A game uses no clock, no OS randomness, no hash order and no floats
//! in state that outlives a tick. In return, replays, desync checks, recovery after a crash and restarts without losing a match need
//! no further code in the game.

mod angle;
mod checksum;
mod difference;
mod entities;
mod entity;
mod interface;
mod point;
mod predicted;
mod rewind;
mod rng;
mod view;

pub(crate) use self::rewind::max_rewind;
pub use self::{
    angle::Angle,
    checksum::{Checksum, checksum},
    difference::{Difference, Differences, differences, differences_between},
    entities::Entities,
    entity::Entity,
    interface::{
        Audience, Brain, Game, GameMetric, Inputs, Observation, Occupant, Outbox, Outcome, Predict,
        RoomDefaults, Setup, Step,
    },
    point::{Point, UNIT},
    predicted::PredictedEntities,
    rewind::{Rewind, TickHistory},
    rng::GameRng,
    view::{Place, Viewpoint},
};
