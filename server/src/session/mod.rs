//! Sessions: a session serves one player's connection from the client's hello to the close.
//!
//! A session has no access to the game's world. It receives frames and events from the room in which its player has a seat, and sends
//! them to the client as snapshots and messages.
//!
//! Modules without I/O; their callers pass the time:
//! - [`handshake`]: checks that the client's game and protocol match the server's.
//! - [`phase`]: the messages that a client may send in each phase of a session.
//! - [`replicator`]: encodes frames as snapshots, by interest, baseline and delta.
//! - [`priority`]: chooses the entity updates of a datagram when not all of them fit.
//! - [`rate_limit`]: limits on a client's datagrams and messages.
//! - [`unacked`]: reliable messages kept for retransmission after a resume.
//! - [`backlog`]: detects that too many datagrams are queued for a further snapshot.
//! - [`rewind_clamp`]: limits the time that a client claims to have displayed.
//!
//! The parts of a running session:
//! - `login`: the identity of the player, and the session's lease on that player.
//! - `seat`: the session's seat in a room: events and frames out, inputs in.
//! - [`detached_seat`]: a seat without a session, held for its player.
//! - `snapshot_sender`: sends snapshots by datagram or by stream.
//! - `housekeeping`: checks once a second.
//! - [`end`]: the ends of a session, and their close codes.
//! - [`services`]: handles to the server's parts that every session uses.
//! - `task`: the task that waits for events, applies them and sends the results.

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
use self::{end::SessionEnd, task::Session};
use crate::{
    net::{AcceptedPeer, Peer},
    telemetry::Metrics,
};

/// Runs a session for a peer that has completed the QUIC handshake, until the connection is closed.
pub async fn run<G: Game>(accepted: AcceptedPeer, services: SessionServices<G>) {
    let AcceptedPeer { peer, deadline, permit } = accepted;
    let player = services.lobby.next_player();
    let metrics = Arc::clone(&services.metrics);
    let _count = SessionCount::new(&metrics);
    let opened = services.stop.run_until_cancelled(timeout_at(deadline, peer.accept_control())).await;
    let control = match opened {
        Some(Ok(Ok(control))) => control,
        Some(Ok(Err(error))) => return metrics.refused(SessionEnd::from(error).name()),
        Some(Err(_)) => return refuse(&peer, CloseReason::HandshakeTimeout, &metrics),
        None => return refuse(&peer, services.stop_reason.get(), &metrics),
    };
    let session = Session::new(peer, control, player, deadline, services);
    match permit {
        Some(_permit) => session.run().await,
        None => session.end(CloseReason::ServerFull.into()).await,
    }
}

/// Refuses a peer without a control stream, on which the reason could be sent.
fn refuse(peer: &Peer, reason: CloseReason, metrics: &Metrics) {
    peer.close(reason);
    metrics.refused(reason.name());
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
