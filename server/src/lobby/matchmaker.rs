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

/// Where a quick join leads: the oldest room with a seat, so that rooms fill up rather than spread out. `None`: open a new one.
pub fn quick_join(rooms: impl Iterator<Item = Candidate>) -> Option<RoomId> {
    rooms.filter(|room| room.open).map(|room| room.id).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_room_with_a_seat_is_filled_first() {
        let rooms = [(3, true), (1, false), (2, true)].map(|(id, open)| Candidate { id: RoomId(id), open });
        assert_eq!(quick_join(rooms.into_iter()), Some(RoomId(2)));
        assert_eq!(quick_join(rooms.into_iter().filter(|room| !room.open)), None);
    }
}
