//! The game's part of interest management: an entity's place and a seat's viewpoint.

use super::Point;
use crate::id::{EntityId, SeatId};

/// An entity's place, from which the interest rule derives the seats that receive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Place {
    /// A point in the plane: visible to seats within range from which it is not hidden.
    At(Point),
    /// No place: every seat receives it (the state of the match, a score).
    Everywhere,
    /// Private to one seat: its quiver, its cooldowns.
    Only(SeatId),
}

/// A seat's point of view: position, range and hidden entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewpoint {
    /// The position of the eye.
    pub eye: Point,
    /// The range of sight, in 1/256 unit; an entity beyond it is never encoded for this seat.
    pub range: u32,
    /// The maximum number of entities with a point as their place: the nearest ones are in the view. At most
    /// [`MAX_VIEW_ENTITIES`](crate::limits::MAX_VIEW_ENTITIES).
    pub max_entities: u16,
    /// Entities within range that this seat may not see, in ascending order.
    pub hidden: Vec<EntityId>,
    /// Entities that matter to this seat more than their distance suggests (its last attacker, its own bolts), in ascending order.
    /// They go first when not all updates fit a snapshot.
    pub focus: Vec<EntityId>,
}
