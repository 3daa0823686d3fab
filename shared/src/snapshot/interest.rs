//! The rule that picks the view: what every seat knows, what is this seat's own, and the nearest of what is not hidden.

use super::{frame::Frame, view::View};
use crate::{game::Entity, id::SeatId, limits::VIEW_ENTITIES};

/// Picks views. Holds only scratch space, so that picking allocates nothing.
#[derive(Debug, Default)]
pub struct Interest {
    scratch: Vec<(u64, u32)>,
    chosen: Vec<u32>,
}

impl Interest {
    /// With empty scratch space.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Overwrites `view` with what this seat sees of the frame. A seat that nobody holds sees nothing.
    pub fn pick<E: Entity>(&mut self, frame: &Frame<E>, seat: SeatId, view: &mut View<E>) {
        view.tick = frame.tick();
        view.entities.clear();
        let Some(seat_frame) = frame.seat(seat) else { return };
        let viewpoint = &seat_frame.viewpoint;
        let entities = frame.entities();
        let shown = |index: u32| {
            viewpoint.hidden.is_empty()
                || viewpoint.hidden.binary_search(&entities[index as usize].0).is_err()
        };
        let most = usize::from(viewpoint.most);
        frame.grid().nearest(
            viewpoint.eye,
            viewpoint.range,
            most,
            shown,
            &mut self.scratch,
            &mut self.chosen,
        );
        self.chosen.extend(frame.known_to(seat));
        self.chosen.truncate(VIEW_ENTITIES);
        // Indices ascend as ids do: sorting them gives the order that a view keeps.
        self.chosen.sort_unstable();
        view.entities.extend(self.chosen.iter().map(|index| entities[*index as usize].clone()));
    }
}
