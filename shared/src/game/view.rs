//! What a seat may see: the game's half of the interest rule.

use super::Point;
use crate::id::{EntityId, SeatId};

/// Where a thing is, for the rule that picks who is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Place {
    /// On the plane: seen by seats that look this far and from which it is not hidden.
    At(Point),
    /// Nowhere in particular: every seat knows it (the state of the match, a score).
    Everywhere,
    /// One seat's own business: its quiver, its cooldowns.
    Only(SeatId),
}

/// Where a seat looks from, how far, and what it may not see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewpoint {
    /// The eye.
    pub eye: Point,
    /// How far it sees, in 1/256 unit; nothing farther is ever encoded for it.
    pub range: u32,
    /// The most things with a place that are shown at once: the nearest ones. At most
    /// [`MAX_VIEW_ENTITIES`](crate::limits::MAX_VIEW_ENTITIES).
    pub max_entities: u16,
    /// Things within range that this seat may not see, in ascending order.
    pub hidden: Vec<EntityId>,
    /// Things that matter to this seat more than their distance says (who just struck it, its own bolts), in ascending order. When
    /// not everything fits a snapshot, they go first.
    pub focus: Vec<EntityId>,
}
