//! Interest management: selects the view of one seat from a frame. A view has the seat's private entities, the
//! entities that every seat sees, and of the others that are in range and not hidden the nearest ones.

use super::{frame::Frame, view::View};
use crate::{game::Entity, id::SeatId, limits::MAX_VIEW_ENTITIES};

/// A selector of views. It has only scratch space, so that a selection does not allocate.
#[derive(Debug, Default)]
pub struct Interest {
    scratch: Vec<(u64, u32)>,
    /// The indices of the selected entities, in arbitrary order.
    chosen: Vec<u32>,
    /// One bit per entity of the frame, from which the selected indices follow in ascending order without sorting.
    marks: Vec<u64>,
}

impl Interest {
    /// Creates a selector with empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Overwrites `view` with this seat's view of the frame, with at most [`MAX_VIEW_ENTITIES`] entities. The view of an empty seat is
    /// empty.
    pub fn pick<E: Entity>(&mut self, frame: &Frame<E>, seat: SeatId, view: &mut View<E>) {
        view.tick = frame.tick();
        view.entities.clear();
        let Some(seat_frame) = frame.seat(seat) else { return };
        let viewpoint = &seat_frame.viewpoint;
        let entities = frame.entities();
        let is_shown = |index: u32| {
            viewpoint.hidden.is_empty()
                || viewpoint.hidden.binary_search(&entities[index as usize].0).is_err()
        };
        let max = usize::from(viewpoint.max_entities).min(MAX_VIEW_ENTITIES);
        let fits_all = frame.has_only_points() && entities.len() <= max;
        if fits_all && viewpoint.range == u32::MAX && viewpoint.hidden.is_empty() {
            view.entities.extend_from_slice(entities);
            return;
        }
        frame.grid().nearest(
            viewpoint.eye,
            viewpoint.range,
            max,
            is_shown,
            &mut self.scratch,
            &mut self.chosen,
        );
        // Entities at a point are left out first if a view would be too large, then entities for every seat, then private ones.
        let known = frame.known_to(seat).count().min(MAX_VIEW_ENTITIES);
        self.chosen.truncate(MAX_VIEW_ENTITIES - known);
        self.chosen.extend(frame.known_to(seat).take(known));
        self.mark(entities.len());
        // Indices ascend as ids do, so the view is in ascending order of ids.
        view.entities.extend(self.marked().map(|index| entities[index].clone()));
    }

    /// Sets the bits of the selected entities, in a frame with this number of entities.
    fn mark(&mut self, entities: usize) {
        self.marks.clear();
        self.marks.resize(entities.div_ceil(64), 0);
        for index in &self.chosen {
            self.marks[*index as usize / 64] |= 1 << (index % 64);
        }
    }

    /// Returns the indices of the set bits, in ascending order.
    fn marked(&self) -> impl Iterator<Item = usize> + '_ {
        self.marks.iter().enumerate().flat_map(|(position, word)| {
            let bits = |word: u64| Some(word).filter(|word| *word != 0);
            // Clearing the lowest set bit makes the next one the lowest.
            let words = std::iter::successors(bits(*word), move |word| bits(word & (word - 1)));
            words.map(move |word| position * 64 + word.trailing_zeros() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bits::{BitReader, BitWriter, BitsError},
        game::{Entities, Place, Point, Viewpoint},
        id::EntityId,
        snapshot::SeatFrame,
        tick::Tick,
    };

    #[derive(Clone, Debug, PartialEq, serde::Serialize)]
    struct Thing(Place);

    impl Entity for Thing {
        fn place(&self) -> Place {
            self.0
        }

        fn encode(&self, _: &mut BitWriter) {}

        fn decode(_: &mut BitReader<'_>) -> Result<Self, BitsError> {
            Err(BitsError::Truncated)
        }
    }

    /// The slots of the entities at these places that seat 1 sees.
    fn seen(things: &[Place], viewpoint: impl FnOnce(&[EntityId]) -> Viewpoint) -> Vec<u16> {
        let mut all = Entities::new();
        let ids: Vec<_> = things.iter().map(|place| all.insert(Thing(*place)).unwrap()).collect();
        let seat = SeatFrame { viewpoint: viewpoint(&ids), ..SeatFrame::default() };
        let frame = Frame::new(Tick(1), &all, vec![None, Some(seat)]);
        let mut view = View::default();
        Interest::new().pick(&frame, SeatId(1), &mut view);
        view.entities.iter().map(|(id, _)| id.slot).collect()
    }

    fn row(things: i32) -> Vec<Place> {
        (0..things).map(|x| Place::At(Point::new(100 * x, 0))).collect()
    }

    fn from(x: i32, range: u32, max_entities: u16) -> Viewpoint {
        Viewpoint { eye: Point::new(x, 0), range, max_entities, ..Viewpoint::default() }
    }

    #[test]
    fn only_the_nearest_within_range_are_seen() {
        assert_eq!(seen(&row(200), |_| from(10_000, u32::MAX, 3)), [99, 100, 101]);
        assert_eq!(seen(&row(200), |_| from(10_000, 100, 64)), [99, 100, 101]);
        assert_eq!(seen(&row(5), |_| from(0, u32::MAX, 64)), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_hidden_entity_is_not_seen_and_does_not_count_towards_the_maximum() {
        let hiding = |ids: &[EntityId]| Viewpoint { hidden: vec![ids[0], ids[1]], ..from(0, u32::MAX, 2) };
        assert_eq!(seen(&row(5), hiding), [2, 3]);
    }

    #[test]
    fn a_view_has_public_entities_and_the_seats_private_ones_but_not_those_of_another_seat() {
        let near = Place::At(Point::new(9, 9));
        let things = [Place::Everywhere, Place::Only(SeatId(0)), Place::Only(SeatId(1)), near];
        assert_eq!(seen(&things, |_| from(0, 1, 64)), [0, 2]);
    }

    #[test]
    fn a_frame_counts_the_entities_that_the_largest_view_leaves_out() {
        let everywhere = |count| vec![Place::Everywhere; count];
        let frame = |places: Vec<Place>| {
            let mut all = Entities::new();
            places.iter().for_each(|place| drop(all.insert(Thing(*place))));
            Frame::new(Tick(1), &all, vec![None, Some(SeatFrame::default())])
        };
        let full = [everywhere(MAX_VIEW_ENTITIES - 1), vec![Place::Only(SeatId(0)), Place::Only(SeatId(1))]];
        assert_eq!(frame(full.concat()).left_out(), 0, "each seat has one private entity");
        let over = [everywhere(MAX_VIEW_ENTITIES), vec![Place::Only(SeatId(1)); 2]].concat();
        assert_eq!(frame(over.clone()).left_out(), 2);
        assert_eq!(seen(&over, |_| from(0, u32::MAX, 64)).len(), MAX_VIEW_ENTITIES);
    }

    #[test]
    fn an_empty_seat_sees_nothing() {
        let frame = Frame::new(Tick(1), &Entities::<Thing>::new(), vec![None]);
        let mut view =
            View { tick: Tick(0), entities: vec![(EntityId::default(), Thing(Place::Everywhere))] };
        Interest::new().pick(&frame, SeatId(0), &mut view);
        assert!(view.entities.is_empty());
    }
}
