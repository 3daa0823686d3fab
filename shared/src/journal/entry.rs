//! The entries of one tick: the seat changes, the inputs, and the times that players saw. Nothing else changes a game, so they suffice to
//! replay it.

use crate::{
    game::{Game, Inputs, Occupant, Outbox, Rewind, Step},
    id::SeatId,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The seat changes, the inputs and the displayed times of one tick of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<I> {
    /// Seats taken and left since the previous tick, in the order in which that happened.
    pub changes: Vec<SeatChange>,
    /// The input that each seat uses in this tick, indexed by seat: a player's own, a short repetition of the last one if it is missing, or a
    /// bot's. `None` if the seat is empty, is held without a bot, or has had no input for too long.
    pub inputs: Vec<Option<I>>,
    /// The time in the room that was on display when the seat's input was chosen, indexed by seat, for lag compensation. The server has
    /// limited a player's claim to the times that are plausible for the player's connection. For a bot, the frame that it saw; for a seat
    /// without an input of its own, this tick.
    pub seen: Vec<SubTick>,
}

/// A change of a seat's occupant as the game receives it: without the name, id and ticket of a [`SeatEntry`](super::SeatEntry), and without
/// resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatChange {
    /// The seat has a new occupant.
    Taken(SeatId, Occupant),
    /// The seat is empty again.
    Left(SeatId),
}

impl<I> Entries<I> {
    /// Creates entries without changes and inputs for this number of seats. The displayed times are tick 0, which has no effect without
    /// inputs.
    #[must_use]
    pub fn idle(seats: u16) -> Self {
        Self {
            changes: Vec::new(),
            inputs: (0..seats).map(|_| None).collect(),
            seen: vec![SubTick::default(); usize::from(seats)],
        }
    }

    /// Applies the seat changes to the game, then makes the step that leads to `tick`, at this tick rate. The game's events are added to
    /// `events`.
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
