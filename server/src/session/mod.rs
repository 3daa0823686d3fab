//! One player's connection, from hello to goodbye. Sessions know no world: they hear facts and frames, and send bytes.
//!
//! - [`handshake`]: whether the two builds fit. Pure.
//! - [`conversation`]: which message is allowed when. Pure.
//! - [`replicator`]: frames to snapshots: interest, baseline, delta, bytes. Pure.
//! - [`budget`]: what goes first when a view's news do not fit a datagram. Pure.
//! - [`rate_limit`]: how much a peer may send. Pure.
//! - [`news`]: what a seat was told and may have to be told again. Pure.
//! - [`backlog`]: when a snapshot is better not made. Pure.
//! - [`sight`]: what a player can have seen. Pure.
//! - `seat`: the seat it holds: news of the room out, inputs in.
//! - [`kept`]: what is kept of a seat for another session.
//! - `entrance`: hello to welcome, and the way back to a seat.
//! - `departure`: how a session ends, and what becomes of its seat.
//! - `housekeeping`: what it looks at once a second.
//! - [`ending`]: why a session ends, and what the peer is told.
//! - `task`: the thin part that waits and moves bytes.

pub mod backlog;
pub mod budget;
pub mod conversation;
mod departure;
pub mod ending;
mod entrance;
pub mod handshake;
mod housekeeping;
pub mod kept;
pub mod news;
pub mod rate_limit;
pub mod replicator;
mod seat;
pub mod sight;
mod task;

use std::sync::Arc;

use quarrel_shared::{game::Game, protocol::CloseReason};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use self::{detached_seat::DetachedSeat, task::Session};
use crate::{
    lobby::{Directory, SessionRegistry, Players},
    net::Newcomer,
    shutdown::StopReason,
    telemetry::Metrics,
};

/// What every session is handed by the server.
pub struct SessionServices<G: Game> {
    /// Where rooms are.
    pub lobby: Arc<Directory<G>>,
    /// Who may come back to what.
    pub registry: Arc<SessionRegistry<DetachedSeat<G>>>,
    /// Who is connected.
    pub players: Arc<Players>,
    /// Where the numbers go.
    pub metrics: Arc<Metrics>,
    /// Ends the session.
    pub stop: CancellationToken,
    /// What its peer is told then.
    pub stop_reason: StopReason,
}

impl<G: Game> Clone for SessionServices<G> {
    fn clone(&self) -> Self {
        Self {
            lobby: Arc::clone(&self.lobby),
            registry: Arc::clone(&self.registry),
            players: Arc::clone(&self.players),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
            stop_reason: self.stop_reason.clone(),
        }
    }
}

/// A newcomer's whole life.
pub async fn run<G: Game>(newcomer: Newcomer, services: SessionServices<G>) {
    let Newcomer { peer, deadline, place } = newcomer;
    let player = services.lobby.next_player();
    let metrics = Arc::clone(&services.metrics);
    let _counted = Counted::new(&metrics);
    let opened = services.stop.run_until_cancelled(timeout_at(deadline, peer.control())).await;
    let Some(Ok(Ok(control))) = opened else {
        let reason =
            if opened.is_none() { services.stop_reason.get() } else { CloseReason::HandshakeTimeout };
        // There is no stream to say it on.
        peer.close(reason);
        metrics.refused(reason.name());
        return;
    };
    let session = Session::new(peer, control, player, deadline, services);
    match place {
        Some(_held) => session.live().await,
        None => session.end(CloseReason::ServerFull.into()).await,
    }
}

/// A session that is counted while it lives, however it ends.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.sessions.inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sessions.dec();
    }
}
