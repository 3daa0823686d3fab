//! What is kept of a seat when its session ends, so that another session may go on with it.

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, SeatEpoch, messages::Name},
    tick::Tick,
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
    pub(super) seat_epoch: SeatEpoch,
    /// The next event's number.
    pub(super) sequence: u32,
    pub(super) news: News,
    /// At which tick its room was brought back, until its player has shown that they know of it.
    pub(super) restored: Option<Tick>,
}

impl<G: Game> KeptSeat<G> {
    /// The seat of a player of an earlier run, in a room that was brought back at the tick of `joined.seated`. Their story begins anew
    /// there: they are told who sits in the room, and all that happens from then on.
    #[must_use]
    pub fn restored(joined: Joined<G>, name: Name) -> Self {
        let restored = Some(joined.seated.tick);
        Self { joined, name, seat_epoch: SeatEpoch::FIRST, sequence: 0, news: News::default(), restored }
    }

    /// How many messages its player has heard, who says so many. While they may not know that the story begins anew, what they say
    /// is of the old one.
    pub(super) const fn heard(&self, said: u32) -> u32 {
        if self.restored.is_some() { 0 } else { said }
    }
}

impl<G: Game> HeldSeat for KeptSeat<G> {
    fn hold(&self) {
        self.joined.seated.presence.leave();
    }

    fn is_given_up(&self) -> bool {
        self.joined.seated.ended.get() == Some(&CloseReason::TooSlow)
    }
}
