//! An observer on a seat of the room itself, without a network, that keeps every frame as the server made it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quarrel_server::lobby::Directory;
use quarrel_shared::{
    game::Game,
    id::{PlayerId, SeatId},
    protocol::{JoinTarget, TicketNumber, messages::Name},
    snapshot::Frame,
    tick::Tick,
};

/// The player id of the observer.
const OBSERVER: PlayerId = PlayerId(u64::MAX - 1);

/// The frames of a room, one per tick.
pub type Frames<G> = Vec<Arc<Frame<<G as Game>::Entity>>>;

/// All frames of a room since the observer joined it.
pub struct RoomObserver<G: Game> {
    frames: Arc<Mutex<Frames<G>>>,
    /// The observer's seat.
    pub seat: SeatId,
}

impl<G: Game> RoomObserver<G> {
    /// Joins the first room with a free seat, and stays until the runtime ends.
    ///
    /// # Panics
    /// When no seat is free.
    pub async fn join(lobby: &Arc<Directory<G>>) -> Self {
        let joined =
            lobby.join(JoinTarget::Quick, OBSERVER, TicketNumber::default(), &Name::lossy("observer")).await;
        let mut joined = joined.unwrap_or_else(|reason| panic!("the observer cannot join: {reason}"));
        let observer = Self { frames: Arc::default(), seat: joined.handle.occupation.seat };
        let frames = Arc::clone(&observer.frames);
        tokio::spawn(async move {
            loop {
                // Events are read too, because the room frees the seat of a viewer that does not read them.
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
        observer
    }

    /// The observed frames, oldest first.
    pub fn frames(&self) -> MutexGuard<'_, Frames<G>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest tick; 0 before the first frame.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.frames().last().map_or(Tick(0), |frame| frame.tick())
    }
}
