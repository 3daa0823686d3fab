//! The state that all request handlers of the admin HTTP server share.

use std::sync::{Arc, Mutex};

use axum::extract::State;

use super::backend::AdminBackend;
use super::liveness::Liveness;
use crate::telemetry::Metrics;

/// State shared by all request handlers.
pub(super) struct AdminState {
    pub(super) backend: Arc<dyn AdminBackend>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) liveness: Mutex<Liveness>,
}

/// The extractor of [`AdminState`].
pub(super) type SharedState = State<Arc<AdminState>>;
