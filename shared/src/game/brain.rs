//! Bots. A bot has a seat, observes that seat's view and answers with inputs, as a player does.

use super::Game;
use crate::{
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

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

/// A bot's decision maker.
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
