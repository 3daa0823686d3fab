//! Frames: the entire room at one tick, created once by the room and read by the sessions of all players in it.

use super::grid::Grid;
use crate::{
    game::{Entities, Entity, Place, Viewpoint},
    id::{EntityId, SeatId},
    limits::MAX_VIEW_ENTITIES,
    tick::Tick,
};

/// A room at one tick, immutable. All sessions share it, and each selects its own view from it.
#[derive(Debug)]
pub struct Frame<E> {
    number: u32,
    tick: Tick,
    entities: Vec<(EntityId, E)>,
    seats: Vec<Option<SeatFrame>>,
    /// Indices into `entities` of entities at a point.
    grid: Grid,
    /// Indices into `entities` of entities that every seat sees.
    everywhere: Vec<u32>,
    /// Indices into `entities` of entities that only one seat sees, with that seat, in ascending order of seats.
    private: Vec<(SeatId, u32)>,
}

/// The state of one occupied seat in a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeatFrame {
    /// The seat's viewpoint at this tick.
    pub viewpoint: Viewpoint,
    /// The input margin: the time by which the seat's newest input arrived early, in 1/16 tick; negative if it was late, `None` before
    /// the first input.
    pub margin: Option<i16>,
    /// The newest tick whose step used an input of this seat; `None` before the first.
    pub used: Option<Tick>,
}

impl<E: Entity> Frame<E> {
    /// Creates a frame with number 0 from a copy of the entities. `seats` has one element per seat, `None` for an empty seat.
    #[must_use]
    pub fn new(tick: Tick, entities: &Entities<E>, seats: Vec<Option<SeatFrame>>) -> Self {
        let entities: Vec<_> = entities.iter().map(|(id, entity)| (id, entity.clone())).collect();
        let mut placed = Vec::with_capacity(entities.len());
        let mut everywhere = Vec::new();
        let mut private = Vec::new();
        for (index, (_, entity)) in (0u32..).zip(&entities) {
            match entity.place() {
                Place::At(point) => placed.push((point, index)),
                Place::Everywhere => everywhere.push(index),
                Place::Only(seat) => private.push((seat, index)),
            }
        }
        // Stable, so that each seat's entities stay in ascending order of ids.
        private.sort_by_key(|(seat, _): &(SeatId, u32)| *seat);
        Self { number: 0, tick, entities, seats, grid: Grid::new(&placed), everywhere, private }
    }

    /// Returns the number of frames that the room created before this one, from which a session detects frames that it missed.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns this frame with this number.
    #[must_use]
    pub const fn numbered(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Returns the tick of the frame.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// Returns all entities in ascending order of ids.
    #[must_use]
    pub fn entities(&self) -> &[(EntityId, E)] {
        &self.entities
    }

    /// Returns the state of a seat; `None` for an empty seat.
    #[must_use]
    pub fn seat(&self, seat: SeatId) -> Option<&SeatFrame> {
        self.seats.get(seat.index())?.as_ref()
    }

    /// Returns the number of entities that the largest view must leave out although their seat should receive them wherever it is
    /// ([`Place::Everywhere`] and [`Place::Only`]): those above [`MAX_VIEW_ENTITIES`]. Not 0 means a fault of the game.
    #[must_use]
    pub fn left_out(&self) -> usize {
        let by_seat = self.private.chunk_by(|(one, _), (other, _)| one == other);
        let private = by_seat.map(<[_]>::len).max().unwrap_or(0);
        (self.everywhere.len() + private).saturating_sub(MAX_VIEW_ENTITIES)
    }

    /// Whether every entity has a point as its place.
    pub(super) const fn has_only_points(&self) -> bool {
        self.everywhere.is_empty() && self.private.is_empty()
    }

    /// Returns the indices of the entities at a point.
    pub(super) const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Returns the indices of the entities that this seat sees regardless of its viewpoint, private ones first.
    pub(super) fn known_to(&self, seat: SeatId) -> impl Iterator<Item = u32> + '_ {
        let first = self.private.partition_point(|(owner, _)| *owner < seat);
        let own = self.private[first..].iter().take_while(move |(owner, _)| *owner == seat);
        own.map(|(_, index)| *index).chain(self.everywhere.iter().copied())
    }
}
