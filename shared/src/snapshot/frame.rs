//! The whole room at one tick, created once by the room and read by all of its sessions.

use super::grid::Grid;
use crate::{
    game::{Entities, Entity, Place, Viewpoint},
    id::{EntityId, SeatId},
    tick::Tick,
};

/// A room at one tick, immutable. All sessions share it, and each selects its own view from it.
#[derive(Debug)]
pub struct Frame<E> {
    number: u32,
    tick: Tick,
    entities: Vec<(EntityId, E)>,
    seats: Vec<Option<SeatFrame>>,
    /// Indices into `entities` of those at a point.
    grid: Grid,
    /// Indices into `entities` of those that every seat sees.
    everywhere: Vec<u32>,
    /// Indices into `entities` of those that only one seat sees.
    private: Vec<(SeatId, u32)>,
}

/// One occupied seat in a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeatFrame {
    /// Its viewpoint at this tick.
    pub viewpoint: Viewpoint,
    /// Its input margin: how early its newest input arrived, in 1/16 tick; negative if late, `None` before the first.
    pub margin: Option<i16>,
    /// The newest tick whose step used an input of this seat.
    pub used: Option<Tick>,
}

impl<E: Entity> Frame<E> {
    /// Creates frame number 0 from a copy of the room. `seats` has one element per seat, `None` for an empty one.
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
        Self { number: 0, tick, entities, seats, grid: Grid::new(&placed), everywhere, private }
    }

    /// The number of frames that the room created before this one, from which a session detects missed frames.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Sets the frame's number.
    #[must_use]
    pub const fn numbered(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// The tick of the frame.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// All entities in ascending order of ids.
    #[must_use]
    pub fn entities(&self) -> &[(EntityId, E)] {
        &self.entities
    }

    /// Returns a seat's part of the frame; `None` for an empty seat.
    #[must_use]
    pub fn seat(&self, seat: SeatId) -> Option<&SeatFrame> {
        self.seats.get(seat.index())?.as_ref()
    }

    /// Whether every entity has a point as its place.
    pub(super) const fn is_plain(&self) -> bool {
        self.everywhere.is_empty() && self.private.is_empty()
    }

    /// The indices of the entities at a point.
    pub(super) const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The indices of the entities that this seat sees regardless of its viewpoint, private ones first.
    pub(super) fn known_to(&self, seat: SeatId) -> impl Iterator<Item = u32> + '_ {
        let own = self.private.iter().filter(move |(owner, _)| *owner == seat).map(|(_, index)| *index);
        own.chain(self.everywhere.iter().copied())
    }
}
