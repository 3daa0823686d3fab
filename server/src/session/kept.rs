//! What is kept of a seat when its session ends, so that another session may go on with it.

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, Seating, messages::Name},
};

use super::news::News;
use crate::lobby::{directory::Joined, held::HeldSeat};

/// A seat without a session: the place in the room with the claim on it, and where its story stands. Some 200 bytes, and what waits
/// for the player: at most [`NEWS_BYTES`](super::news::NEWS_BYTES) that they may not have heard, and the facts of the room since
/// then, at most [`EVENTS_WAITING`](crate::room::inbox::EVENTS_WAITING): under 70 KB in all, and some 5 KB after 30 s of Arena.
pub struct KeptSeat<G: Game> {
    pub(super) joined: Joined<G>,
    pub(super) name: Name,
    /// What its datagrams were marked with.
    pub(super) seating: Seating,
    /// The next event's number.
    pub(super) sequence: u32,
    pub(super) news: News,
}

impl<G: Game> HeldSeat for KeptSeat<G> {
    fn hold(&self) {
        self.joined.seated.presence.leave();
    }

    fn is_given_up(&self) -> bool {
        self.joined.seated.ended.get() == Some(&CloseReason::TooSlow)
    }
}
