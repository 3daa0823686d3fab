//! The backend of the admin HTTP server: reads the state of the running server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use quarrel_shared::{game::Game, id::RoomId};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::{
        AdminBackend, MarkFuture,
        dto::{Mark, MarkRefusal, PlayerListing, Readiness, RoomActivity, RoomListing},
    },
    config::NetConfig,
    heartbeat::Heartbeats,
    lobby::{Directory, PlayerEntry, PlayerList},
    net::tls::ServerTls,
    reloadable::Reloadable,
    room::{MarkError, RoomStatus},
};

/// Handles of the parts that the admin HTTP server shows.
pub(crate) struct ServerStatus<G: Game> {
    pub(crate) lobby: Arc<Directory<G>>,
    pub(crate) players: Arc<PlayerList>,
    pub(crate) tls: Arc<ServerTls>,
    /// The number of live sessions.
    pub(crate) sessions: Arc<AtomicUsize>,
    pub(crate) net: Reloadable<NetConfig>,
    pub(crate) stopping: CancellationToken,
    pub(crate) heartbeats: Heartbeats,
}

impl<G: Game> AdminBackend for ServerStatus<G> {
    fn rooms(&self) -> Vec<RoomListing> {
        let age = self.lobby.uptime();
        let listing = |room: Arc<RoomStatus>| RoomListing {
            id: room.id.to_string(),
            game: G::NAME,
            tick: room.tick().0,
            seats: room.seats,
            players: room.players(),
            bots: room.bots(),
            tick_rate: u32::from(room.rate.hz()),
            state: activity(&room),
            overruns: room.overruns(),
            slips: room.slips(),
            // Two decimals: ten microseconds.
            step_ms: (room.step_time().as_secs_f64() * 1e5).round() / 100.0,
            age_s: age.saturating_sub(room.opened).as_secs(),
            journal: room.journal().map(|journal| journal.to_string()),
        };
        self.lobby.statuses().into_iter().map(listing).collect()
    }

    fn stalled_threads(&self, running_since: Instant) -> Vec<&'static str> {
        self.heartbeats.stalled(Instant::now(), running_since)
    }

    fn players(&self) -> Vec<PlayerListing> {
        let listing = |player: Arc<PlayerEntry>| {
            let seat = player.seat();
            PlayerListing {
                id: player.id.to_string(),
                name: player.name.clone(),
                room: seat.map(|at| at.room.to_string()),
                seat: seat.map(|at| at.seat.0),
                address: player.address(),
                rtt_ms: player.rtt_ms().round() as u32,
                connected_s: player.since.elapsed().as_secs(),
            }
        };
        self.players.list().into_iter().map(listing).collect()
    }

    fn readiness(&self) -> Readiness {
        if self.stopping.is_cancelled() {
            Readiness::Stopping
        } else if self.sessions.load(Relaxed) >= self.net.get().max_sessions || !self.lobby.has_capacity() {
            Readiness::Full
        } else {
            Readiness::Ready
        }
    }

    fn certificate_sha256(&self) -> String {
        self.tls.certificate_sha256()
    }

    fn mark(&self, room: &str, reason: String) -> MarkFuture {
        let id = room.parse::<RoomId>();
        let room = id.ok().and_then(|id| self.lobby.room(id));
        Box::pin(async move {
            let room = room.ok_or(MarkRefusal::NoRoom)?;
            let marked = room.mark(reason).await.map_err(refusal)?;
            Ok(Mark {
                room: room.id().to_string(),
                tick: marked.tick.0,
                journal: marked.journal.to_string(),
                mark: marked.number,
            })
        })
    }
}

fn activity(room: &RoomStatus) -> RoomActivity {
    if room.is_closing() {
        RoomActivity::Stopping
    } else if room.tick().0 == 0 {
        RoomActivity::Opening
    } else {
        RoomActivity::Playing
    }
}

/// Converts a room's error to the admin server's refusal.
fn refusal(error: MarkError) -> MarkRefusal {
    match error {
        MarkError::NoRoom => MarkRefusal::NoRoom,
        MarkError::Busy => MarkRefusal::Busy(error.to_string()),
        MarkError::NoJournal | MarkError::Gap(_) => MarkRefusal::NotWritten(error.to_string()),
    }
}
