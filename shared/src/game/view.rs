//! The game's part of interest management (the choice of the entities that each seat receives): an entity's place and a seat's
//! viewpoint.

use super::Point;
use crate::id::{EntityId, SeatId};

/// An entity's place, which decides the seats that receive the entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Place {
    /// A point in the plane. A seat receives the entity if it is within the seat's [range](Viewpoint::range), not
    /// [hidden](Viewpoint::hidden) from it, and among its [nearest](Viewpoint::max_entities) ones.
    At(Point),
    /// No point: every seat receives the entity, such as the state of the match or a score. A seat receives at most
    /// [`MAX_VIEW_ENTITIES`](crate::limits::MAX_VIEW_ENTITIES) entities without a point, those with the lowest ids; the server logs an
    /// error for a game that has more.
    Everywhere,
    /// No point: only this seat receives the entity, such as a quiver or a cooldown.
    Only(SeatId),
}

/// A seat's viewpoint: selects the seat's view from all entities. The position, the range, the maximum and the hidden entities concern
/// only entities with a point ([`Place::At`]). The default sees no such entity, because its maximum is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewpoint {
    /// The position from which distances to entities are measured.
    pub eye: Point,
    /// The maximum distance of an entity, in 1/256 unit. An entity that is farther away is never sent to this seat. `u32::MAX` is
    /// unlimited.
    pub range: u32,
    /// The maximum number of entities with a point. If more are within range and not hidden, the nearest ones are in the view. A view
    /// never has more than [`MAX_VIEW_ENTITIES`](crate::limits::MAX_VIEW_ENTITIES) entities in all.
    pub max_entities: u16,
    /// The entities within range that this seat may not see. Must be in ascending order, because the list is searched by bisection: an
    /// entity out of order may be sent to the seat.
    pub hidden: Vec<EntityId>,
    /// The entities in the view that matter to this seat more than their distance suggests, such as its last attacker or its own bolts.
    /// Must be in ascending order. When not all updates fit into a snapshot, theirs are never deferred. An entity that is listed here
    /// still needs to be within range to be in the view.
    pub focus: Vec<EntityId>,
}
