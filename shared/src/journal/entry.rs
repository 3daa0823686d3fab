//! What changed a room at one tick, and the only way to change a game with it.

use crate::{
    game::{Game, Inputs, Occupant, Outbox, Rewind, Step},
    id::SeatId,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// Everything that goes into one tick of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<I> {
    /// Seats taken and left since the last tick, in the order in which they were.
    pub changes: Vec<SeatChange>,
    /// Each seat's input; `None` for an empty or starved one.
    pub inputs: Vec<Option<I>>,
    /// What each seat saw when it decided that, as far as its link makes that possible.
    pub seen: Vec<SubTick>,
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
        Self {
            changes: Vec::new(),
            inputs: (0..seats).map(|_| None).collect(),
            seen: vec![SubTick::default(); usize::from(seats)],
        }
    }

    /// Makes the game's next tick out of these entries, in a room of this rate; what it says goes to `events`.
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
