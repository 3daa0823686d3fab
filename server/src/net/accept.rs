//! The accept task: takes incoming connections from their first packet to a connected peer, ready for a session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use quarrel_shared::{
    limits::MAX_SENTENCE_BYTES,
    protocol::{CloseReason, shown_text::clean},
};
use quinn::{Endpoint, Incoming};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

use super::{
    admission::{Admission, AdmissionState, IgnoreReason},
    handshake_queue::{Dequeued, HandshakeQueue, Priority},
    peer::Peer,
};
use crate::{config::NetConfig, reloadable::Reloadable, telemetry::Metrics};

/// A peer that has completed the QUIC handshake and has not sent its hello yet.
pub struct AcceptedPeer {
    /// The connection.
    pub peer: Peer,
    /// The latest time at which the peer's hello may arrive.
    pub deadline: Instant,
    /// The peer's permit for a session; `None` if the limit of sessions is reached, and the session must refuse the peer.
    pub permit: Option<SessionPermit>,
}

/// A permit for one of the sessions that the operator's limit allows. Dropping it allows another session.
#[derive(Debug)]
pub struct SessionPermit {
    _count: CountGuard,
}

/// An admitted connection whose handshake has not started yet.
struct PendingHandshake {
    incoming: Incoming,
    /// Counts the handshake as half-open until it is complete.
    half_open: CountGuard,
    /// The latest time for the handshake and the hello.
    deadline: Instant,
}

/// The reasons for the accept task to wake up.
#[expect(clippy::large_enum_variant, reason = "one at a time, for one step of a loop")]
enum Wakeup {
    /// The server stops, or the endpoint was closed.
    Stop,
    /// The first packet of a connection has arrived.
    Incoming(Incoming),
    /// A queued handshake may start.
    HandshakeReady,
}

/// The accept task's state: the endpoint, the admission rules and the queue of handshakes.
pub struct Acceptor {
    endpoint: Endpoint,
    admission: AdmissionState,
    queue: HandshakeQueue<PendingHandshake>,
    epoch: Instant,
    limits: Reloadable<NetConfig>,
    half_open: Arc<AtomicUsize>,
    sessions: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Acceptor {
    /// Creates an acceptor for this endpoint, with the operator's limits.
    #[must_use]
    pub fn new(endpoint: Endpoint, limits: Reloadable<NetConfig>, metrics: Arc<Metrics>) -> Self {
        Self {
            endpoint,
            admission: AdmissionState::new(&limits.get()),
            queue: HandshakeQueue::new(),
            epoch: Instant::now(),
            limits,
            half_open: Arc::new(AtomicUsize::new(0)),
            sessions: Arc::new(AtomicUsize::new(0)),
            metrics,
        }
    }

    /// Returns the shared counter of current sessions.
    #[must_use]
    pub fn sessions(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.sessions)
    }

    /// Accepts connections until `stop` is cancelled. Each handshake runs in a task of `tasks`, which then runs the session that
    /// `start_session` returns.
    pub async fn run<B, F>(mut self, stop: CancellationToken, tasks: TaskTracker, start_session: B)
    where
        B: Fn(AcceptedPeer) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            while let Some(handshake) = self.next_handshake() {
                let (start_session, stop) = (start_session.clone(), stop.clone());
                let connection = async move {
                    // A stop cancels an incomplete handshake: the peer has no session yet that could be closed with a reason.
                    if let Some(Some(accepted)) = stop.run_until_cancelled(handshake).await {
                        start_session(accepted).await;
                    }
                };
                tasks.spawn(connection);
            }
            match self.select(&stop).await {
                // Dropping the queue refuses every connection in it, so that the clients do not wait for their timeouts.
                Wakeup::Stop => return,
                Wakeup::Incoming(incoming) => self.admit(incoming),
                Wakeup::HandshakeReady => {}
            }
        }
    }

    /// Waits for the next reason to act.
    async fn select(&mut self, stop: &CancellationToken) -> Wakeup {
        let wait = self.queue.wait(self.epoch.elapsed());
        tokio::select! {
            biased;
            () = stop.cancelled() => Wakeup::Stop,
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => Wakeup::HandshakeReady,
            // First packets are examined on arrival and not at the rate of handshakes: a packet that is ignored must not delay those after
            // it, and the deadline of a handshake counts from the arrival.
            incoming = self.endpoint.accept() => incoming.map_or(Wakeup::Stop, Wakeup::Incoming),
        }
    }

    /// Applies the admission decision to a first packet.
    fn admit(&mut self, incoming: Incoming) {
        let now = self.epoch.elapsed();
        self.admission.set_limits(&self.limits.get());
        let from = incoming.remote_address();
        let is_validated = incoming.remote_address_validated();
        let half_open = self.half_open.load(Relaxed);
        match self.admission.decide(from, is_validated, half_open, now) {
            Admission::Admit(priority) => self.enqueue(incoming, priority, now),
            Admission::Retry => {
                // Cannot fail: `retry` rejects only packets with a valid Retry token, and their addresses are validated.
                let _ = incoming.retry();
            }
            Admission::Refuse => {
                self.metrics.refused("handshakes_full");
                incoming.refuse();
            }
            Admission::Ignore(reason) => self.ignore(incoming, reason),
        }
    }

    /// Queues an admitted handshake. If the queue of its priority is full, the packet is ignored.
    fn enqueue(&mut self, incoming: Incoming, priority: Priority, now: Duration) {
        let deadline = now + self.limits.get().handshake_timeout();
        let half_open = CountGuard::new(&self.half_open);
        let pending = PendingHandshake { incoming, half_open, deadline: self.epoch + deadline };
        if let Err(pending) = self.queue.push(pending, priority, deadline) {
            self.ignore(pending.incoming, IgnoreReason::LowPriorityFull);
        }
    }

    /// Drops a first packet without an answer.
    fn ignore(&self, incoming: Incoming, reason: IgnoreReason) {
        self.metrics.refused(reason.name());
        incoming.ignore();
    }

    /// Takes the next handshake that may start now, and refuses those before it whose deadline has passed.
    fn next_handshake(&mut self) -> Option<impl Future<Output = Option<AcceptedPeer>> + Send + 'static> {
        loop {
            match self.queue.pop(self.epoch.elapsed())? {
                Dequeued::Ready(pending) => return Some(self.handshake(pending)),
                Dequeued::Expired(pending) => {
                    self.metrics.refused(CloseReason::HandshakeTimeout.name());
                    // A refusal ends the client's wait at once.
                    pending.incoming.refuse();
                }
            }
        }
    }

    /// Completes a handshake; `None` if it failed or timed out.
    fn handshake(
        &self,
        pending: PendingHandshake,
    ) -> impl Future<Output = Option<AcceptedPeer>> + Send + 'static {
        let PendingHandshake { incoming, half_open, deadline } = pending;
        let limit =
            SessionLimit { sessions: Arc::clone(&self.sessions), max: self.limits.get().max_sessions };
        let metrics = Arc::clone(&self.metrics);
        async move {
            // quinn itself sets no deadline for a handshake.
            let connection = match timeout_at(deadline, async { incoming.accept()?.await }).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => {
                    // The error can contain a text from the peer.
                    let error = clean(&error.to_string(), MAX_SENTENCE_BYTES);
                    debug!(%error, "QUIC handshake failed");
                    metrics.refused("handshake_failed");
                    return None;
                }
                Err(_) => {
                    metrics.refused(CloseReason::HandshakeTimeout.name());
                    return None;
                }
            };
            drop(half_open);
            Some(AcceptedPeer { peer: Peer::new(connection), deadline, permit: limit.acquire() })
        }
    }
}

/// Increments a shared counter, and decrements it when dropped.
#[derive(Debug)]
struct CountGuard(Arc<AtomicUsize>);

impl CountGuard {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The operator's limit of sessions, and the counter of current ones.
struct SessionLimit {
    sessions: Arc<AtomicUsize>,
    max: usize,
}

impl SessionLimit {
    /// Returns a permit, or `None` if the limit is reached.
    fn acquire(&self) -> Option<SessionPermit> {
        let increment = |sessions| (sessions < self.max).then(|| sessions + 1);
        self.sessions.fetch_update(Relaxed, Relaxed, increment).ok()?;
        Some(SessionPermit { _count: CountGuard(Arc::clone(&self.sessions)) })
    }
}
