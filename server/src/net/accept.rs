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
    admission::{Admission, AdmissionState, Share},
    peer::Peer,
    turns::{Turn, Turns},
};
use crate::{config::NetConfig, telemetry::Metrics};

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

/// A newcomer that was admitted and waits for its turn.
struct FirstPacket {
    incoming: Incoming,
    half_open: Counted,
    deadline: Instant,
}

/// What the accept task wakes up for.
#[expect(clippy::large_enum_variant, reason = "one at a time, for one step of a loop")]
enum Woken {
    Stop,
    Incoming(Incoming),
    Turn,
}

/// The accept task's half of the endpoint.
pub struct Acceptor {
    endpoint: Endpoint,
    admission: AdmissionState,
    turns: Turns<FirstPacket>,
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
            turns: Turns::new(),
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
        loop {
            while let Some(handshake) = self.turn() {
                let (begin, stop) = (begin.clone(), stop.clone());
                let life = async move {
                    // Nobody is promised anything before the handshake is complete, so a stop does not wait for one.
                    if let Some(Some(newcomer)) = stop.run_until_cancelled(handshake).await {
                        begin(newcomer).await;
                    }
                };
                tasks.spawn(life);
            }
            match self.wake(&stop).await {
                // Whoever still waits for a turn is refused by being dropped, and so hears of it at once.
                Woken::Stop => return,
                Woken::Incoming(incoming) => self.admit(incoming),
                Woken::Turn => {}
            }
        }
    }

    async fn wake(&mut self, stop: &CancellationToken) -> Woken {
        let wait = self.turns.wait(self.epoch.elapsed());
        tokio::select! {
            biased;
            () = stop.cancelled() => Woken::Stop,
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => Woken::Turn,
            // First packets are looked at as they come, not as the meter allows: that one is to be ignored should cost nobody
            // behind it any time, and the deadline counts from here.
            incoming = self.endpoint.accept() => incoming.map_or(Woken::Stop, Woken::Incoming),
        }
    }

    /// What to do with a first packet.
    fn admit(&mut self, incoming: Incoming) {
        let now = self.epoch.elapsed();
        let from = incoming.remote_address();
        let proven = incoming.remote_address_validated();
        let half_open = self.half_open.load(Relaxed);
        match self.admission.decide(from, proven, half_open, now) {
            Admission::Admit(share) => self.line_up(incoming, share, now),
            Admission::Retry => {
                // Refused only when a retry token came already, and then the address is proven.
                let _ = incoming.retry();
            }
            Admission::Refuse => {
                self.metrics.refused("handshakes_full");
                incoming.refuse();
            }
            Admission::Ignore => self.ignore(incoming),
        }
    }

    fn line_up(&mut self, incoming: Incoming, share: Share, now: Duration) {
        let until = now + self.handshake_timeout;
        let half_open = Counted::new(&self.half_open);
        let first = FirstPacket { incoming, half_open, deadline: self.epoch + until };
        if let Err(first) = self.turns.push(first, share, until) {
            self.ignore(first.incoming);
        }
    }

    fn ignore(&self, incoming: Incoming) {
        self.metrics.refused("address_rate");
        incoming.ignore();
    }

    /// The next handshake that may begin now.
    fn turn(&mut self) -> Option<impl Future<Output = Option<Newcomer>> + Send + 'static> {
        loop {
            match self.turns.pop(self.epoch.elapsed())? {
                Turn::Now(first) => return Some(self.handshake(first)),
                Turn::TooLate(first) => {
                    self.metrics.refused(CloseReason::HandshakeTimeout.name());
                    // Its client has waited as long as it may: to hear no is better than to wait on.
                    first.incoming.refuse();
                }
            }
        }
    }

    fn handshake(&self, first: FirstPacket) -> impl Future<Output = Option<Newcomer>> + Send + 'static {
        let FirstPacket { incoming, half_open, deadline } = first;
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
