//! The state that all request handlers of the admin HTTP server share.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use axum::extract::State;
use tokio::time::interval;

use super::backend::AdminBackend;
use super::liveness::Liveness;
use super::{access::AccessPolicy, errors::AdminError};
use crate::{
    heartbeat::{self, PauseWatch},
    reloadable::Reloadable,
    telemetry::Metrics,
};

/// The rest of the process; empty while the process starts.
pub(super) type BackendSlot = Arc<OnceLock<Arc<dyn AdminBackend>>>;

/// State shared by all request handlers.
pub(super) struct AdminState {
    backend: BackendSlot,
    pub(super) access: Reloadable<AccessPolicy>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) liveness: Mutex<Liveness>,
    pauses: Mutex<PauseWatch>,
}

impl AdminState {
    pub(super) fn new(backend: BackendSlot, access: Reloadable<AccessPolicy>, metrics: Arc<Metrics>) -> Self {
        let pauses = Mutex::new(PauseWatch::new(Instant::now()));
        Self { backend, access, metrics, liveness: Mutex::default(), pauses }
    }

    /// Returns the time since which the process has run without a pause.
    pub(super) fn running_since(&self, now: Instant) -> Instant {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner).observe(now)
    }

    /// Observes pauses of the process, until dropped.
    pub(super) async fn watch_pauses(&self) {
        let mut timer = interval(heartbeat::INTERVAL);
        loop {
            timer.tick().await;
            self.running_since(Instant::now());
        }
    }

    /// Returns the rest of the process.
    ///
    /// # Errors
    /// While the process starts.
    pub(super) fn backend(&self) -> Result<&Arc<dyn AdminBackend>, AdminError> {
        self.backend.get().ok_or(AdminError::NotReady("starting"))
    }
}

/// The extractor of [`AdminState`].
pub(super) type SharedState = State<Arc<AdminState>>;
