//! A detached seat: a player's seat in a room that no session has, kept so that another session of the player can resume it.

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, SeatEpoch, messages::Name},
    tick::Tick,
};

use super::unacked::UnackedMessages;
use crate::lobby::{directory::JoinedSeat, registry_state::HeldSeat};

/// A seat without a session: the seat's handle and claim, and the state of its message sequence.
///
/// It takes some 200 bytes and the data that waits for the player: at most
/// [`MAX_UNACKED_BYTES`](super::unacked::MAX_UNACKED_BYTES) (48 KiB) of unacknowledged messages, and at most
/// [`MAX_QUEUED_EVENTS`](crate::room::inbox::MAX_QUEUED_EVENTS) (20 KB) of later events of the room. That is under 70 KB in all, and some
/// 5 KB after 30 s of Arena.
pub struct DetachedSeat<G: Game> {
    pub(super) joined: JoinedSeat<G>,
    pub(super) name: Name,
    /// The epoch of the seat's datagrams.
    pub(super) seat_epoch: SeatEpoch,
    /// The sequence number of the next game event.
    pub(super) next_sequence: u32,
    pub(super) unacked: UnackedMessages,
    /// The tick at which the room was restored, until the client has shown that it knows of it.
    pub(super) restored: Option<Tick>,
}

impl<G: Game> DetachedSeat<G> {
    /// Creates the seat of a player of an earlier run of the server, in a room that was restored at the tick of `joined.handle`. The seat's
    /// message sequence starts again at that tick: the client receives the roster and all later events.
    #[must_use]
    pub fn restored(joined: JoinedSeat<G>, name: Name) -> Self {
        let restored = Some(joined.handle.tick);
        Self {
            joined,
            name,
            seat_epoch: SeatEpoch::FIRST,
            next_sequence: 0,
            unacked: UnackedMessages::default(),
            restored,
        }
    }

    /// The number of messages of this seat's sequence that the client has received, given the number that it reports. A client that does
    /// not know yet that the room was restored reports a number of the earlier sequence, which counts as 0.
    pub(super) const fn acked(&self, reported: u32) -> u32 {
        if self.restored.is_some() { 0 } else { reported }
    }
}

impl<G: Game> HeldSeat for DetachedSeat<G> {
    fn hold(&self) {
        self.joined.handle.presence.set_away();
    }

    fn is_revoked(&self) -> bool {
        self.joined.handle.ended.get() == Some(&CloseReason::TooSlow)
    }
}
