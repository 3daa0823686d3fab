//! One player's connection, from hello to close. Sessions know no world: they receive frames and events, and send bytes.
//!
//! - [`handshake`]: the check that client and server fit. Pure.
//! - [`phase`]: which message is allowed when. Pure.
//! - `login`: the player of a session, from the hello to the end of its lease.
//! - [`replicator`]: frames to snapshots: interest, baseline, delta, bytes. Pure.
//! - [`priority`]: the priority accumulator, which chooses the entity updates of a datagram. Pure.
//! - [`rate_limit`]: limits on a peer's datagrams and messages. Pure.
//! - [`unacked`]: reliable messages kept for retransmission after a resume. Pure.
//! - [`backlog`]: the check that too many datagrams are queued. Pure.
//! - [`rewind_clamp`]: the bounds of what a player can have seen. Pure.
//! - `seat`: the session's seat: events and frames out, inputs in.
//! - [`detached_seat`]: a seat without a session.
//! - `snapshot_sender`: snapshots to the peer, by datagram or by stream.
//! - `housekeeping`: checks once a second.
//! - [`end`]: the ends of a session, and their close codes.
//! - [`services`]: the server's parts that every session uses.
//! - `task`: the task that waits, applies and sends.

pub mod backlog;
pub mod detached_seat;
pub mod end;
pub mod handshake;
mod housekeeping;
mod login;
pub mod phase;
pub mod priority;
pub mod rate_limit;
pub mod replicator;
pub mod rewind_clamp;
mod seat;
pub mod services;
mod snapshot_sender;
mod task;
pub mod unacked;

use std::sync::Arc;

use quarrel_shared::{game::Game, protocol::CloseReason};
use tokio::time::timeout_at;

pub use self::services::SessionServices;
use self::task::Session;
use crate::{net::AcceptedPeer, telemetry::Metrics};

/// Runs a session for a peer that has completed the QUIC handshake, until the connection is closed.
pub async fn run<G: Game>(accepted: AcceptedPeer, services: SessionServices<G>) {
    let AcceptedPeer { peer, deadline, permit } = accepted;
    let player = services.lobby.next_player();
    let metrics = Arc::clone(&services.metrics);
    let _count = SessionCount::new(&metrics);
    let opened = services.stop.run_until_cancelled(timeout_at(deadline, peer.accept_control())).await;
    let Some(Ok(Ok(control))) = opened else {
        let reason =
            if opened.is_none() { services.stop_reason.get() } else { CloseReason::HandshakeTimeout };
        // There is no control stream to send the reason on.
        peer.close(reason);
        metrics.refused(reason.name());
        return;
    };
    let session = Session::new(peer, control, player, deadline, services);
    match permit {
        Some(_permit) => session.run().await,
        None => session.end(CloseReason::ServerFull.into()).await,
    }
}

/// Counts a session in the metrics until dropped.
struct SessionCount(Arc<Metrics>);

impl SessionCount {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.sessions.inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for SessionCount {
    fn drop(&mut self) {
        self.0.sessions.dec();
    }
}
