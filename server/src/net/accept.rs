//! Newcomers, from their first packet to a peer that a session can begin with.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use quarrel_shared::protocol::CloseReason;
use quinn::{Endpoint, Incoming};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

use super::{
    admission::{Admission, AdmissionState},
    peer::Peer,
};
use crate::{bucket::TokenBucket, config::NetConfig, telemetry::Metrics};

/// Handshakes a second, and at once, whoever they are from. One costs 0.35-0.5 ms: without a meter a thousand at once would take
/// half a second away from those who play.
const HANDSHAKES_PER_SECOND: f64 = 300.0;
const HANDSHAKE_BURST: f64 = 64.0;

/// A peer that has shaken hands and said nothing yet.
pub struct Newcomer {
    /// The connection.
    pub peer: Peer,
    /// By when it must have said hello.
    pub deadline: Instant,
    /// Holds its place under the session cap; `None`: there was none, refuse it.
    pub place: Option<SessionPlace>,
}

/// One of the sessions that the operator allows.
#[derive(Debug)]
pub struct SessionPlace {
    _counted: Counted,
}

/// The accept task's half of the endpoint.
pub struct Acceptor {
    endpoint: Endpoint,
    admission: AdmissionState,
    meter: TokenBucket,
    epoch: Instant,
    handshake_timeout: Duration,
    max_sessions: usize,
    half_open: Arc<AtomicUsize>,
    sessions: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Acceptor {
    /// For this endpoint, by the operator's limits.
    #[must_use]
    pub fn new(endpoint: Endpoint, net: &NetConfig, metrics: Arc<Metrics>) -> Self {
        Self {
            endpoint,
            admission: AdmissionState::new(net),
            meter: TokenBucket::full(HANDSHAKES_PER_SECOND, HANDSHAKE_BURST, Duration::ZERO),
            epoch: Instant::now(),
            handshake_timeout: net.handshake_timeout(),
            max_sessions: net.max_sessions,
            half_open: Arc::new(AtomicUsize::new(0)),
            sessions: Arc::new(AtomicUsize::new(0)),
            metrics,
        }
    }

    /// How many sessions there are now, shared with whoever asks.
    #[must_use]
    pub fn sessions(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.sessions)
    }

    /// Accepts until it is told to stop. Each handshake runs in a task of `tasks`, and goes on as what `begin` makes of it.
    pub async fn run<B, F>(mut self, stop: CancellationToken, tasks: TaskTracker, begin: B)
    where
        B: Fn(Newcomer) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        while let Some(incoming) = self.next(&stop).await {
            let Some(handshake) = self.admit(incoming) else { continue };
            let (begin, stop) = (begin.clone(), stop.clone());
            let life = async move {
                // Nobody is promised anything before the handshake is complete, so a stop does not wait for one.
                if let Some(Some(newcomer)) = stop.run_until_cancelled(handshake).await {
                    begin(newcomer).await;
                }
            };
            tasks.spawn(life);
        }
    }

    /// The next first packet, once the meter allows another handshake; `None`: stop.
    async fn next(&mut self, stop: &CancellationToken) -> Option<Incoming> {
        let wait = self.meter.wait(self.epoch.elapsed());
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            incoming = async {
                sleep(wait).await;
                self.endpoint.accept().await
            } => incoming,
        }
    }

    /// What to do with a first packet; a handshake to wait for when it is let in.
    fn admit(
        &mut self,
        incoming: Incoming,
    ) -> Option<impl Future<Output = Option<Newcomer>> + Send + 'static> {
        let now = self.epoch.elapsed();
        let from = incoming.remote_address();
        let proven = incoming.remote_address_validated();
        let half_open = self.half_open.load(Relaxed);
        match self.admission.decide(from, proven, half_open, now) {
            Admission::Admit => {}
            Admission::Retry => {
                // Refused only when a retry token came already, and then the address is proven.
                let _ = incoming.retry();
                return None;
            }
            Admission::Refuse => {
                self.metrics.refused("handshakes_full");
                incoming.refuse();
                return None;
            }
            Admission::Ignore => {
                self.metrics.refused("address_rate");
                incoming.ignore();
                return None;
            }
        }
        // Whether a token is left or not, this one was waited for.
        let _ = self.meter.take(1.0, now);
        Some(self.handshake(incoming, Counted::new(&self.half_open)))
    }

    fn handshake(
        &self,
        incoming: Incoming,
        half_open: Counted,
    ) -> impl Future<Output = Option<Newcomer>> + Send + 'static {
        let deadline = Instant::now() + self.handshake_timeout;
        let places = Places { sessions: Arc::clone(&self.sessions), most: self.max_sessions };
        let metrics = Arc::clone(&self.metrics);
        async move {
            // quinn has no deadline of its own here.
            let connection = match timeout_at(deadline, async { incoming.accept()?.await }).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => {
                    debug!(%error, "a handshake failed");
                    metrics.refused("handshake_failed");
                    return None;
                }
                Err(_) => {
                    metrics.refused(CloseReason::HandshakeTimeout.name());
                    return None;
                }
            };
            drop(half_open);
            Some(Newcomer { peer: Peer::new(connection), deadline, place: places.take() })
        }
    }
}

/// Counts while it lives.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The session cap.
struct Places {
    sessions: Arc<AtomicUsize>,
    most: usize,
}

impl Places {
    fn take(&self) -> Option<SessionPlace> {
        let free = |taken| (taken < self.most).then(|| taken + 1);
        self.sessions.fetch_update(Relaxed, Relaxed, free).ok()?;
        Some(SessionPlace { _counted: Counted(Arc::clone(&self.sessions)) })
    }
}
