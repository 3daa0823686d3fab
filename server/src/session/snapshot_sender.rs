//! The snapshot sender: sends a seat's snapshots by datagram; keyframes and snapshots that do not fit a datagram on streams, one at a time.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use quarrel_shared::game::Game;
use tracing::{Span, error};

use super::{replicator::Snapshot, seat::Seat};
use crate::{
    net::{Peer, peer::PeerError},
    telemetry::Metrics,
};
use quarrel_transport::wake::FlaggedFuture;

/// The time within which a stream for a snapshot must open, and again the time within which the snapshot must arrive on it.
const STREAM_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends the snapshots of one session.
pub(super) struct SnapshotSender {
    peer: Peer,
    /// The size of the largest datagram that the path takes. Read once a second and not for each snapshot, because reading it takes the
    /// connection's lock.
    max_datagram_bytes: usize,
    /// The transfer of a snapshot on a stream, if one is in progress.
    on_stream: Option<FlaggedFuture<()>>,
}

impl SnapshotSender {
    pub(super) fn new(peer: Peer) -> Self {
        let max_datagram_bytes = peer.max_datagram_bytes();
        Self { peer, max_datagram_bytes, on_stream: None }
    }

    /// Reads the maximum datagram size of the path again.
    pub(super) fn update_max_datagram(&mut self) {
        self.max_datagram_bytes = self.peer.max_datagram_bytes();
    }

    /// Waits until the snapshot on a stream has arrived or timed out; never completes without such a snapshot. Cancel-safe.
    pub(super) async fn stream_done(&mut self) {
        match &mut self.on_stream {
            Some(sending) => sending.await,
            None => pending().await,
        }
        self.on_stream = None;
    }

    /// Cancels the snapshot on a stream, if there is one.
    pub(super) fn cancel_stream(&mut self) {
        self.on_stream = None;
    }

    /// Sends a snapshot of the seat's newest frame, unless the seat returns none. `now` is the time since the session's epoch.
    ///
    /// # Errors
    /// When the connection has ended, or the peer does not support datagrams.
    pub(super) fn send<G: Game>(
        &mut self,
        seat: &mut Seat<G>,
        now: Duration,
        metrics: &Metrics,
        span: &Span,
    ) -> Result<(), PeerError> {
        let (queued, stream_is_free) = (self.peer.queued_bytes(), self.on_stream.is_none());
        match seat.snapshot(self.max_datagram_bytes, queued, stream_is_free, now) {
            Some(Snapshot::Small { bytes, deferred }) => {
                if self.peer.send_datagram(Bytes::copy_from_slice(bytes))? {
                    metrics.datagram_sent(deferred);
                } else {
                    metrics.snapshots.held.inc();
                    self.update_max_datagram();
                }
            }
            Some(Snapshot::Large(bytes)) => {
                let (peer, bytes) = (self.peer.clone(), Bytes::copy_from_slice(bytes));
                self.on_stream =
                    Some(FlaggedFuture::new(async move { peer.send_on_stream(bytes, STREAM_TIMEOUT).await }));
                metrics.snapshots.stream.inc();
            }
            Some(Snapshot::Oversize(bytes)) => {
                metrics.snapshots.held.inc();
                span.in_scope(|| {
                    error!(
                        bytes,
                        "view exceeds MAX_KEYFRAME_BYTES, snapshot not sent; the game shows too many entities at once"
                    )
                });
            }
            None => {
                metrics.snapshots.held.inc();
            }
        }
        seat.update_metrics(metrics);
        Ok(())
    }
}
