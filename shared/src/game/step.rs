//! The arguments and results of [`Game::step`]: inputs, rewind times and events.

use super::{Game, Rewind};
use crate::{id::SeatId, tick::Tick};

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
