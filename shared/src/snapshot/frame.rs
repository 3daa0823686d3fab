//! The whole room at one tick: made once by the room, read by all of its sessions.

use super::grid::Grid;
use crate::{
    game::{Entities, Entity, Place, Viewpoint},
    id::{EntityId, SeatId},
    tick::Tick,
};

/// A room at one tick, immutable. Sessions share it and each takes its own view out of it.
#[derive(Debug)]
pub struct Frame<E> {
    number: u32,
    tick: Tick,
    entities: Vec<(EntityId, E)>,
    seats: Vec<Option<SeatFrame>>,
    /// Indices into `entities` of what has a place.
    grid: Grid,
    /// Indices into `entities` of what every seat knows.
    everywhere: Vec<u32>,
    /// Indices into `entities` of what one seat alone knows.
    private: Vec<(SeatId, u32)>,
}

/// What a frame says of one taken seat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeatFrame {
    /// Where it looks from.
    pub viewpoint: Viewpoint,
    /// How early its newest input came, in 1/16 tick; negative when late, `None` before the first.
    pub margin: Option<i16>,
    /// The newest tick whose step used an input of this seat's.
    pub used: Option<Tick>,
}

impl<E: Entity> Frame<E> {
    /// Copies the room. `seats` has one element a seat, `None` where nobody sits.
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

    /// How many frames the room made before this one: a session sees from it which it missed.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// This frame as the room's `number`th.
    #[must_use]
    pub const fn numbered(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// When.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// Everything, in ascending order of ids.
    #[must_use]
    pub fn entities(&self) -> &[(EntityId, E)] {
        &self.entities
    }

    /// What there is to say of this seat; `None` when nobody sits there.
    #[must_use]
    pub fn seat(&self, seat: SeatId) -> Option<&SeatFrame> {
        self.seats.get(seat.index())?.as_ref()
    }

    /// Whether everything has a place, so that nothing is known to some seats only.
    pub(super) const fn is_plain(&self) -> bool {
        self.everywhere.is_empty() && self.private.is_empty()
    }

    /// What has a place, by place.
    pub(super) const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Indices of what this seat knows wherever it looks.
    pub(super) fn known_to(&self, seat: SeatId) -> impl Iterator<Item = u32> + '_ {
        let own = self.private.iter().filter(move |(owner, _)| *owner == seat).map(|(_, index)| *index);
        own.chain(self.everywhere.iter().copied())
    }
}
