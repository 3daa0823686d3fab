//! What changed a room at one tick, and the only way to change a game with it.

use crate::{
    game::{Game, Inputs, Occupant, Outbox, Step},
    id::SeatId,
    tick::Tick,
};

/// Everything that goes into one tick of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<I> {
    /// Seats taken and left since the last tick, in the order in which they were.
    pub changes: Vec<SeatChange>,
    /// Each seat's input; `None` for an empty or starved one.
    pub inputs: Vec<Option<I>>,
}

/// Somebody came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatChange {
    /// Somebody sat down.
    Taken(SeatId, Occupant),
    /// Whoever sat there is gone.
    Left(SeatId),
}

impl<I> Entries<I> {
    /// Nothing happens, in a room of this many seats.
    #[must_use]
    pub fn idle(seats: u16) -> Self {
        Self { changes: Vec::new(), inputs: (0..seats).map(|_| None).collect() }
    }

    /// Makes the game's next tick out of these entries; what it says goes to `events`.
    pub fn apply<G: Game<Input = I>>(&self, game: &mut G, tick: Tick, events: &mut Outbox<G::Event>) {
        for change in &self.changes {
            match *change {
                SeatChange::Taken(seat, occupant) => game.seat_taken(seat, occupant),
                SeatChange::Left(seat) => game.seat_left(seat),
            }
        }
        game.step(Step { tick, inputs: Inputs::new(&self.inputs), events });
    }
}
