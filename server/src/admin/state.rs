//! The state that all request handlers of the admin HTTP server share.

use std::sync::{Arc, Mutex, OnceLock};

use axum::extract::State;

use super::backend::AdminBackend;
use super::liveness::Liveness;
use super::{access::AccessPolicy, errors::AdminError};
use crate::{reloadable::Reloadable, telemetry::Metrics};

/// The rest of the process; empty while the process starts.
pub(super) type BackendSlot = Arc<OnceLock<Arc<dyn AdminBackend>>>;

/// State shared by all request handlers.
pub(super) struct AdminState {
    backend: BackendSlot,
    pub(super) access: Reloadable<AccessPolicy>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) liveness: Mutex<Liveness>,
}

impl AdminState {
    pub(super) fn new(backend: BackendSlot, access: Reloadable<AccessPolicy>, metrics: Arc<Metrics>) -> Self {
        Self { backend, access, metrics, liveness: Mutex::default() }
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
