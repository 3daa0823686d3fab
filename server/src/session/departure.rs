//! How a session ends: what becomes of its seat, what is counted, and what the peer is told.

use std::time::Duration;

use quarrel_shared::{game::Game, limits::CLOSING_ACK_TIMEOUT_MS, protocol::CloseReason};
use tokio::time::timeout;
use tracing::info;

use super::{
    ending::{Ending, Refusal},
    task::Session,
};
use crate::lobby::held::Leaving;

impl<G: Game> Session<G> {
    /// Lets go of the seat, says goodbye, waits a little until it was heard, and closes.
    pub(super) async fn end(mut self, ending: Ending) {
        self.let_go(&ending);
        self.span.in_scope(|| info!(reason = ending.name(), name = %self.name, "session ended"));
        if self.entry.is_some() {
            self.services.metrics.disconnected(ending.name());
        } else if let Ending::Refused(refusal) = &ending {
            self.services.metrics.refused(refusal.reason.name());
        }
        match ending {
            Ending::Refused(Refusal { reason, sentence }) => {
                let said = self.control.say_closing(reason, &sentence);
                // Whether it was heard or not, this is the end.
                let _ = timeout(Duration::from_millis(CLOSING_ACK_TIMEOUT_MS), said).await;
                self.peer.close(reason);
            }
            Ending::Left | Ending::Lost => self.peer.close(CloseReason::Left),
        }
        self.housekeeping.count_traffic(&self.peer, &self.services.metrics);
    }

    /// Gives the seat up, and stays.
    pub(super) fn stand_up(&mut self) {
        self.seat = None;
        self.large = None;
        if let Some(entry) = self.entry() {
            entry.set_seat(None);
        }
    }

    /// The seat is held, goes to whoever replaced this session, or is free. Before any goodbye: whoever waits for it does not wait
    /// until somebody else has heard why.
    fn let_go(&mut self, ending: &Ending) {
        let seat = self.seat.take();
        self.stand_up();
        let Some(stay) = self.stay.take() else { return };
        let how = if ending.is_loss() { Leaving::Lost { proven: self.is_proven } } else { Leaving::Gone };
        stay.leave(seat.map(|seat| seat.keep(self.name.clone())), how);
    }
}
