//! The choice of a room for a quick join, in which the player leaves the choice to the server. Has no I/O: the caller passes the rooms.

use quarrel_shared::id::RoomId;

/// A room that a quick join may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The room's id.
    pub id: RoomId,
    /// Whether the room accepts players and has an unclaimed seat.
    pub is_open: bool,
}

/// Returns the open rooms in the order in which to try them: oldest (lowest id) first, so that players fill rooms instead of spreading over
/// them. If the result is empty, the caller may open a new room.
pub fn quick_join(rooms: impl Iterator<Item = Candidate>) -> Vec<RoomId> {
    let mut open: Vec<_> = rooms.filter(|room| room.is_open).map(|room| room.id).collect();
    open.sort_unstable();
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_room_with_a_seat_is_filled_first() {
        let rooms =
            [(3, true), (1, false), (2, true)].map(|(id, is_open)| Candidate { id: RoomId(id), is_open });
        assert_eq!(quick_join(rooms.into_iter()), [RoomId(2), RoomId(3)]);
    }
}
