//! A detached seat: a seat without a session, from which another session can resume.

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, SeatEpoch, messages::Name},
    tick::Tick,
};

use super::unacked::UnackedMessages;
use crate::lobby::{directory::JoinedSeat, registry_state::HeldSeat};

/// A seat without a session: the place in the room with its claim, and the position in its message sequence. Some 200 bytes, plus the
/// data that waits for the player: at most [`MAX_UNACKED_BYTES`](super::unacked::MAX_UNACKED_BYTES) of unacknowledged messages, and the
/// room's events since then, at most [`MAX_QUEUED_EVENTS`](crate::room::inbox::MAX_QUEUED_EVENTS): under 70 KB in all, and some 5 KB
/// after 30 s of Arena.
pub struct DetachedSeat<G: Game> {
    pub(super) joined: JoinedSeat<G>,
    pub(super) name: Name,
    /// The epoch of the seat's datagrams.
    pub(super) seat_epoch: SeatEpoch,
    /// The number of the next event.
    pub(super) next_sequence: u32,
    pub(super) unacked: UnackedMessages,
    /// The tick at which the room was restored, until the client has shown that it knows of it.
    pub(super) restored: Option<Tick>,
}

impl<G: Game> DetachedSeat<G> {
    /// A seat of a player of an earlier run, in a room that was restored at the tick of `joined.handle`. Its messages start again from
    /// there: the client receives the roster, and all later events.
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

    /// The number of messages that the client has received of this seat, given the number that it reports. Until it knows that the
    /// messages have started again, it reports a number of the earlier sequence, which does not count.
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
