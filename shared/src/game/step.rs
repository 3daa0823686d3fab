//! What a game is given for one tick, and what it gives back.

use super::{Game, Rewind};
use crate::{id::SeatId, tick::Tick};

/// One tick of the rules.
pub struct Step<'a, G: Game> {
    /// The tick that this step makes: a room's first step is tick 1.
    pub tick: Tick,
    /// What each seat wants.
    pub inputs: Inputs<'a, G::Input>,
    /// What each seat saw when it decided that.
    pub rewind: Rewind<'a>,
    /// Where the facts of this tick go.
    pub events: &'a mut Outbox<G::Event>,
}

/// Each seat's input for this tick. A seat without one (it is empty, or starved for too long) stands idle.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, I>(&'a [Option<I>]);

impl<'a, I> Inputs<'a, I> {
    /// One element a seat.
    #[must_use]
    pub const fn new(by_seat: &'a [Option<I>]) -> Self {
        Self(by_seat)
    }

    /// What this seat wants.
    #[must_use]
    pub fn of(&self, seat: SeatId) -> Option<&'a I> {
        self.0.get(seat.index())?.as_ref()
    }

    /// All inputs there are, in seat order.
    pub fn iter(&self) -> impl Iterator<Item = (SeatId, &'a I)> + use<'a, I> {
        self.0.iter().enumerate().filter_map(|(i, input)| Some((SeatId(i as u16), input.as_ref()?)))
    }
}

/// The facts of one tick, each with those who are told.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Outbox<E>(Vec<(Audience, E)>);

impl<E> Outbox<E> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Says `event` to `audience`. What a seat may not see, it must not be told either.
    pub fn push(&mut self, audience: Audience, event: E) {
        self.0.push((audience, event));
    }

    /// Empties it, in the order of the pushes.
    pub fn drain(&mut self) -> impl Iterator<Item = (Audience, E)> + '_ {
        self.0.drain(..)
    }
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// Who is told of an event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Audience {
    /// Every taken seat.
    All,
    /// One seat.
    Only(SeatId),
    /// Some seats.
    Seats(Vec<SeatId>),
}

impl Audience {
    /// Whether this seat is told.
    #[must_use]
    pub fn includes(&self, seat: SeatId) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => *only == seat,
            Self::Seats(seats) => seats.contains(&seat),
        }
    }
}
