//! The seat of a session: taken by a join or a resume, left by the player, or taken away by the room.

use std::{ops::ControlFlow, sync::Arc};

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, JoinTarget, ServerMessage, bounded::Text},
};
use tracing::debug;

use super::Session;
use crate::{
    lobby::{directory::JoinedSeat, players::SeatLocation},
    room::state::RosterChange,
    session::{
        end::{SessionEnd, ends_session},
        login::ReturnedSeat,
        seat::{Seat, roster_message},
    },
};
use quarrel_transport::wake::FlaggedFuture;

impl<G: Game> Session<G> {
    /// Starts to join a room that `target` selects; [`Self::joined`] processes the result.
    pub(super) fn join(&mut self, target: JoinTarget) {
        let lobby = Arc::clone(&self.services.lobby);
        let (player, ticket) = (self.login.player(), self.login.shown_ticket());
        let name = self.login.name().clone();
        let joining = async move { lobby.join(target, player, ticket, &name).await };
        self.joining = Some(FlaggedFuture::new(joining));
    }

    /// Processes the result of a join: takes the seat, or sends the peer the reason of the refusal.
    pub(super) fn joined(&mut self, joined: Result<JoinedSeat<G>, CloseReason>) -> ControlFlow<SessionEnd> {
        self.joining = None;
        self.phase.joined(joined.is_ok());
        let joined = match joined {
            Ok(joined) => joined,
            Err(reason) => {
                self.services.metrics.refused(reason.name());
                let sentence = Text::lossy(reason.sentence());
                return self.push(&ServerMessage::JoinRefused { reason, sentence });
            }
        };
        let mut seat = Seat::new(joined, self.seat_epoch, self.services.lobby.spec().send_rate);
        let roster = seat.take_roster();
        self.set_seat(seat)?;
        self.send_roster(roster)
    }

    /// Resumes a seat that the registry has returned: sends again the messages that the client has not received. A seat of a restored room
    /// has a roster to send as well.
    pub(super) fn resume(&mut self, returned: ReturnedSeat<G>) -> ControlFlow<SessionEnd> {
        let ReturnedSeat { seat, acked } = returned;
        self.welcome(true)?;
        self.phase.joined(true);
        let mut seat = Seat::resume(seat, self.login.shown_ticket(), self.services.lobby.spec().send_rate);
        let roster = seat.take_roster();
        self.set_seat(seat)?;
        if let Some(seat) = &mut self.seat
            && let Ok((front, back)) = seat.unacked.since(acked)
        {
            self.control.push_encoded(front);
            self.control.push_encoded(back);
            // Cannot fail: the client's number is not below that of its earlier acknowledgements, or `since` would have failed.
            let _ = seat.unacked.ack(acked);
        }
        self.send_roster(roster)
    }

    /// Makes this the session's seat, and sends the peer a message about it.
    fn set_seat(&mut self, seat: Seat<G>) -> ControlFlow<SessionEnd> {
        self.seat_epoch = seat.seat_epoch().next();
        let location = SeatLocation { room: seat.room(), seat: seat.id() };
        if let Some(entry) = self.entry() {
            entry.set_seat(Some(location));
        }
        self.span.in_scope(|| debug!(room = %location.room, seat = %location.seat, "player seated"));
        let message = seat.joined_message();
        self.seat = Some(seat);
        self.push(&message)
    }

    /// Leaves the seat, if there is one. The session continues in the lobby.
    pub(super) fn leave_seat(&mut self) {
        self.seat = None;
        self.snapshots.cancel_stream();
        if let Some(entry) = self.entry() {
            entry.set_seat(None);
        }
    }

    /// Processes that the room has taken the seat away. A client that is too slow and a stop of the server end the session; after the end
    /// of a room the session continues in the lobby.
    pub(super) fn unseated(&mut self, reason: CloseReason) -> ControlFlow<SessionEnd> {
        self.leave_seat();
        self.phase.unseated();
        if ends_session(reason) {
            return ControlFlow::Break(reason.into());
        }
        self.push(&ServerMessage::RoomClosed { reason, sentence: Text::lossy(reason.sentence()) })
    }

    fn send_roster(&mut self, roster: Vec<RosterChange>) -> ControlFlow<SessionEnd> {
        roster.into_iter().try_for_each(|change| self.push_acked(&roster_message(change)))
    }
}
