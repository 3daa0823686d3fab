//! Which room a player goes to. Pure: it is shown the rooms and picks one.

use quarrel_shared::id::RoomId;

/// A room, as the matchmaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which room.
    pub id: RoomId,
    /// Whether a seat can be promised in it.
    pub open: bool,
}

/// Where a quick join leads, in the order in which to try: the oldest room with a seat first, so that rooms fill up rather than
/// spread out. Empty: open a new one.
pub fn quick_join(rooms: impl Iterator<Item = Candidate>) -> Vec<RoomId> {
    let mut open: Vec<_> = rooms.filter(|room| room.open).map(|room| room.id).collect();
    open.sort_unstable();
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_room_with_a_seat_is_filled_first() {
        let rooms = [(3, true), (1, false), (2, true)].map(|(id, open)| Candidate { id: RoomId(id), open });
        assert_eq!(quick_join(rooms.into_iter()), [RoomId(2), RoomId(3)]);
    }
}
