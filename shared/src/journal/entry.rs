//! The entries of one tick: the seat changes and inputs, which are all that changes a game.

use crate::{
    game::{Game, Inputs, Occupant, Outbox, Rewind, Step},
    id::SeatId,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The seat changes and inputs of one tick of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<I> {
    /// Seats taken and left since the previous tick, in order.
    pub changes: Vec<SeatChange>,
    /// The input of each seat, indexed by seat; `None` for an empty seat and for one whose input did not arrive.
    pub inputs: Vec<Option<I>>,
    /// The time in the room that the player of each seat saw when making the input, indexed by seat, clamped to the times that the
    /// player's connection makes possible.
    pub seen: Vec<SubTick>,
}

/// A change of the occupant of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatChange {
    /// The seat has a new occupant.
    Taken(SeatId, Occupant),
    /// The seat is empty again.
    Left(SeatId),
}

impl<I> Entries<I> {
    /// Creates the entries of a tick without changes and inputs, for this number of seats.
    #[must_use]
    pub fn idle(seats: u16) -> Self {
        Self {
            changes: Vec::new(),
            inputs: (0..seats).map(|_| None).collect(),
            seen: vec![SubTick::default(); usize::from(seats)],
        }
    }

    /// Applies the seat changes to the game and steps it by one tick at this tick rate. The game's events are added to `events`.
    pub fn apply<G: Game<Input = I>>(
        &self,
        game: &mut G,
        tick: Tick,
        rate: TickRate,
        events: &mut Outbox<G::Event>,
    ) {
        for change in &self.changes {
            match *change {
                SeatChange::Taken(seat, occupant) => game.seat_taken(seat, occupant),
                SeatChange::Left(seat) => game.seat_left(seat),
            }
        }
        let rewind = Rewind::new(tick, rate, &self.seen);
        game.step(Step { tick, inputs: Inputs::new(&self.inputs), rewind, events });
    }
}
