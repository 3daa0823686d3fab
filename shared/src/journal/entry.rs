//! The entries of one tick: the only input that changes a game.

use crate::{
    game::{Game, Inputs, Occupant, Outbox, Rewind, Step},
    id::SeatId,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// All input of one tick of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<I> {
    /// Seats taken and left since the previous tick, in order.
    pub changes: Vec<SeatChange>,
    /// The input of each seat; `None` for an empty or starved one.
    pub inputs: Vec<Option<I>>,
    /// The moment that each seat saw when it chose its input, clamped to what its link allows.
    pub seen: Vec<SubTick>,
}

/// A change of the occupant of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatChange {
    /// The seat has a new occupant.
    Taken(SeatId, Occupant),
    /// The seat is empty.
    Left(SeatId),
}

impl<I> Entries<I> {
    /// The entries of a tick without changes or inputs, for this number of seats.
    #[must_use]
    pub fn idle(seats: u16) -> Self {
        Self {
            changes: Vec::new(),
            inputs: (0..seats).map(|_| None).collect(),
            seen: vec![SubTick::default(); usize::from(seats)],
        }
    }

    /// Steps the game by one tick with these entries at this tick rate; the game's events go to `events`.
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
