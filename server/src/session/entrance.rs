//! Hello to welcome: whether the two builds fit, who the player is, and what they come back to.

use std::ops::ControlFlow;

use quarrel_shared::{
    game::Game,
    protocol::{CloseReason, Hello, Resume, ServerMessage},
};
use tracing::debug;

use super::{
    ending::{Ending, Refusal},
    handshake,
    kept::KeptSeat,
    news::NewsError,
    seat::{Seat, roster_message},
    task::{Session, span_of},
};
use crate::{
    gate::Gated,
    lobby::{
        held::{HeldSeat, Standing},
        keeper::Stay,
    },
    room::state::RosterChange,
};

impl<G: Game> Session<G> {
    /// A hello came.
    pub(super) fn enter(&mut self, hello: &Hello) -> ControlFlow<Ending> {
        self.name = match handshake::check::<G>(hello) {
            Ok(name) => name,
            Err(refusal) => return ControlFlow::Break(refusal.into()),
        };
        let Some(Resume { ticket, acked: heard }) = &hello.resume else {
            self.stay(self.services.keeper.enter(self.player));
            return self.welcome(false);
        };
        match self.services.keeper.resume(ticket, self.player) {
            Ok((stay, comeback)) => {
                // The number that this connection was given is nobody's, unless they were forgotten.
                self.player = stay.player();
                self.span = span_of(self.player, &self.peer);
                self.stay(stay);
                self.returning = Some(*heard);
                comeback.map_or(ControlFlow::Continue(()), |kept| self.come_back(kept))
            }
            Err(reason) => ControlFlow::Break(reason.into()),
        }
    }

    /// The bell rang: another session of the same player has begun, or has left what this one waits for.
    pub(super) fn rung(&mut self) -> ControlFlow<Ending> {
        let Some(stay) = &self.stay else { return ControlFlow::Continue(()) };
        self.bell = Some(Gated::new(stay.rung()));
        match stay.look() {
            Standing::Unchanged => ControlFlow::Continue(()),
            Standing::Replaced => ControlFlow::Break(CloseReason::Replaced.into()),
            Standing::Arrived(kept) => {
                self.come_back(kept)?;
                // What was said meanwhile waits.
                self.hear()
            }
        }
    }

    fn stay(&mut self, stay: Stay<KeptSeat<G>>) {
        self.bell = Some(Gated::new(stay.rung()));
        self.stay = Some(stay);
    }

    /// What the player had is here: their seat, or nothing but their place in the lobby.
    fn come_back(&mut self, kept: Option<KeptSeat<G>>) -> ControlFlow<Ending> {
        let heard = self.returning.take().unwrap_or_default();
        let Some(kept) = kept.filter(|kept| !kept.is_given_up()) else { return self.welcome(false) };
        let heard = kept.heard(heard);
        match kept.news.since(heard) {
            Ok(_) => self.resume(kept, heard),
            // A story with a gap is none: the seat is given up, and the player may join again.
            Err(NewsError::Forgotten) => self.welcome(false),
            Err(error) => ControlFlow::Break(Refusal::unheard(error).into()),
        }
    }

    /// Back on the seat: what was not heard is said again, and what happens from now on follows it. A seat that was restored has a
    /// roster that nobody was told yet.
    fn resume(&mut self, kept: KeptSeat<G>, heard: u32) -> ControlFlow<Ending> {
        self.name = kept.name.clone();
        self.welcome(true)?;
        self.conversation.joined(true);
        let ticket = self.stay.as_ref().map(Stay::shown).unwrap_or_default();
        let mut seat = Seat::back(kept, ticket, self.services.lobby.spec().send_rate);
        let roster = seat.take_roster();
        self.sit_down(seat)?;
        if let Some(seat) = &mut self.seat
            && let Ok((front, back)) = seat.news.since(heard)
        {
            self.control.push_coded(front);
            self.control.push_coded(back);
            // What its player has heard by then needs no more keeping; that it can be heard was just seen.
            let _ = seat.news.hear(heard);
        }
        self.tell_roster(roster)
    }

    /// Who sat in the room when the seat was given.
    pub(super) fn tell_roster(&mut self, roster: Vec<RosterChange>) -> ControlFlow<Ending> {
        roster.into_iter().try_for_each(|change| self.push_news(&roster_message(change)))
    }

    fn welcome(&mut self, resumed: bool) -> ControlFlow<Ending> {
        let Some(stay) = &self.stay else { return ControlFlow::Continue(()) };
        let spec = self.services.lobby.spec();
        let welcome = ServerMessage::Welcome {
            player: self.player,
            tick_rate: spec.tick_rate.hz(),
            send_rate: spec.send_rate,
            ticket: stay.ticket().clone(),
            hold_ms: u32::try_from(self.services.keeper.hold().as_millis()).unwrap_or(u32::MAX),
            resumed,
        };
        let entered = self.services.players.enter(self.player, self.name.to_string(), self.peer.address());
        self.entry = Some(entered);
        self.span.in_scope(|| debug!(name = %self.name, resumed, "welcome"));
        self.push(&welcome)
    }
}
