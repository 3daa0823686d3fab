//! The `Game` trait, which a game maker implements, and the types that it works with.
//!
//! A game is a deterministic state machine. State begins only in [`Game::new`] and [`Game::load`]; it changes only in
//! [`Game::seat_taken`], [`Game::seat_left`] and [`Game::step`]. A game uses no clock, no OS randomness, no hash order and no floats
//! in state that crosses a tick; then replays, desync checks, crash resume and hand-over need no further code.

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
