//! The seats of a room, with sets of the empty seats and of the bots' seats, so that a join does not scan all seats.

use std::collections::BTreeSet;

use quarrel_shared::{game::Game, id::SeatId};

use super::seat::Seat;

/// All seats of a room, each empty or taken.
pub(super) struct Seats<G: Game> {
    seats: Vec<Option<Seat<G>>>,
    empty: BTreeSet<SeatId>,
    bots: BTreeSet<SeatId>,
}

impl<G: Game> Seats<G> {
    /// Creates a table with these seats; `None` is an empty seat.
    pub(super) fn new(seats: Vec<Option<Seat<G>>>) -> Self {
        let ids = |matches: &dyn Fn(&Option<Seat<G>>) -> bool| {
            let numbered = (0..).map(SeatId).zip(&seats);
            numbered.filter(|(_, seat)| matches(seat)).map(|(id, _)| id).collect()
        };
        let (empty, bots) = (ids(&Option::is_none), ids(&|seat| seat.as_ref().is_some_and(Seat::is_bot)));
        Self { seats, empty, bots }
    }

    /// The number of seats, empty ones included.
    pub(super) const fn len(&self) -> usize {
        self.seats.len()
    }

    /// The number of players and the number of bots.
    pub(super) fn occupancy(&self) -> (u16, u16) {
        let players = self.seats.len() - self.empty.len() - self.bots.len();
        (players as u16, self.bots.len() as u16)
    }

    /// The lowest empty seat.
    pub(super) fn first_empty(&self) -> Option<SeatId> {
        self.empty.first().copied()
    }

    /// The highest seat of a bot.
    pub(super) fn last_bot(&self) -> Option<SeatId> {
        self.bots.last().copied()
    }

    /// Returns a taken seat; `None` if the seat is empty or does not exist. The caller must not change the kind of its occupant.
    pub(super) fn get_mut(&mut self, seat: SeatId) -> Option<&mut Seat<G>> {
        self.seats.get_mut(seat.index())?.as_mut()
    }

    /// Iterates over all seats in order; `None` is an empty seat.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&Seat<G>>> {
        self.seats.iter().map(Option::as_ref)
    }

    /// Iterates over all seats in order; `None` is an empty seat. The caller must not change the kind of an occupant.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = Option<&mut Seat<G>>> {
        self.seats.iter_mut().map(Option::as_mut)
    }

    /// Puts an occupant on a seat, which must exist and be empty.
    pub(super) fn occupy(&mut self, id: SeatId, seat: Seat<G>) {
        self.empty.remove(&id);
        if seat.is_bot() {
            self.bots.insert(id);
        }
        self.seats[id.index()] = Some(seat);
    }

    /// Empties a seat. Returns false if it is empty already or does not exist.
    pub(super) fn release(&mut self, id: SeatId) -> bool {
        let was_taken = self.seats.get_mut(id.index()).and_then(Option::take).is_some();
        if was_taken {
            self.bots.remove(&id);
            self.empty.insert(id);
        }
        was_taken
    }
}
