//! Somebody who sits in the room itself, on a seat that needs no network, and keeps every frame as the server made it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quarrel_server::lobby::Directory;
use quarrel_shared::{
    game::Game,
    id::{PlayerId, SeatId},
    protocol::{JoinTarget, TicketNumber, messages::Name},
    snapshot::Frame,
    tick::Tick,
};

/// Whom the room takes an onlooker for.
const ONLOOKER: PlayerId = PlayerId(u64::MAX - 1);

/// A room, tick by tick.
pub type Frames<G> = Vec<Arc<Frame<<G as Game>::Entity>>>;

/// All frames of a room since somebody sat down to look on.
pub struct Onlooker<G: Game> {
    frames: Arc<Mutex<Frames<G>>>,
    /// Where it sits.
    pub seat: SeatId,
}

impl<G: Game> Onlooker<G> {
    /// Sits down in the first room with a seat, and stays as long as the runtime lives.
    ///
    /// # Panics
    /// When there is no seat.
    pub async fn sit(lobby: &Arc<Directory<G>>) -> Self {
        let joined =
            lobby.join(JoinTarget::Quick, ONLOOKER, TicketNumber::default(), &Name::lossy("onlooker")).await;
        let mut joined = joined.unwrap_or_else(|reason| panic!("the onlooker gets no seat: {reason}"));
        let onlooker = Self { frames: Arc::default(), seat: joined.handle.seat };
        let frames = Arc::clone(&onlooker.frames);
        tokio::spawn(async move {
            loop {
                // Its events are read too, or the room would take the seat away.
                tokio::select! {
                    biased;
                    Some(_) = joined.handle.events.recv() => {}
                    Ok(()) = joined.handle.frames.changed() => {
                        let frame = joined.handle.frames.borrow_and_update().clone();
                        frames.lock().unwrap_or_else(PoisonError::into_inner).extend(frame);
                    }
                    else => return,
                }
            }
        });
        onlooker
    }

    /// What was seen so far, oldest first.
    pub fn frames(&self) -> MutexGuard<'_, Frames<G>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest tick; 0 before the first.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.frames().last().map_or(Tick(0), |frame| frame.tick())
    }
}
