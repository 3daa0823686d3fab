//! Bots: they sit on a seat, see what that seat's view shows, and answer with inputs like anybody else.

use super::Game;
use crate::{
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// What one seat sees at one tick: all that a bot, a prediction or a screen may know.
#[derive(Debug)]
pub struct Observation<'a, G: Game> {
    /// The tick that is seen.
    pub tick: Tick,
    /// How many ticks make a second.
    pub rate: TickRate,
    /// Whose eyes these are.
    pub seat: SeatId,
    /// The view, in ascending order of ids.
    pub entities: &'a [(EntityId, G::Entity)],
}

impl<G: Game> Clone for Observation<'_, G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G: Game> Copy for Observation<'_, G> {}

/// Something that plays.
pub trait Brain<G: Game>: Send {
    /// What to do next, given the newest view.
    fn decide(&mut self, seen: Observation<'_, G>) -> G::Input;
}

/// A thing that somebody did, as load tests count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GameMetric {
    /// Used a weapon.
    Shot,
    /// Struck somebody.
    Hit,
    /// Struck somebody down.
    Elimination,
    /// Saw a match end.
    MatchFinished,
}
