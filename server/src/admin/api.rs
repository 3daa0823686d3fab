//! The router of the admin HTTP server, and the handlers of its GET routes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::backend::AdminBackend;
use super::dto::{CertificateBody, HealthBody, PlayersBody, Readiness, RoomsBody};
use super::errors::AdminError;
use super::mark::{self, mark};
use super::page;
use super::state::{AdminState, SharedState};
use crate::telemetry::Metrics;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Builds the router with all routes. A path or method without a route gets an [`AdminError`] as JSON.
pub(super) fn router(backend: Arc<dyn AdminBackend>, metrics: Arc<Metrics>) -> Router {
    let mark =
        post(mark).fallback(async || AdminError::PostOnly).layer(DefaultBodyLimit::max(mark::MAX_BODY_BYTES));
    let state = AdminState { backend, metrics, liveness: Mutex::default() };
    Router::new()
        .route("/", get(front_page))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/v1/rooms", get(rooms))
        .route("/v1/rooms/{id}/mark", mark)
        .route("/v1/players", get(players))
        .route("/v1/certificate", get(certificate))
        .fallback(async || AdminError::UnknownPath)
        .method_not_allowed_fallback(async || AdminError::WrongMethod)
        .with_state(Arc::new(state))
}

async fn front_page(State(state): SharedState) -> Html<String> {
    Html(page::render(&state.backend.rooms()))
}

async fn livez(State(state): SharedState) -> Result<Json<HealthBody>, AdminError> {
    let rooms = state.backend.rooms();
    // A panic in another request leaves the observed ticks valid, so a poisoned lock is not an error.
    let mut liveness = state.liveness.lock().unwrap_or_else(PoisonError::into_inner);
    match liveness.check(Instant::now(), &rooms) {
        stuck if stuck.is_empty() => Ok(Json(HealthBody { status: "live" })),
        stuck => Err(AdminError::Stuck(stuck)),
    }
}

async fn readyz(State(state): SharedState) -> Result<Json<HealthBody>, AdminError> {
    match state.backend.readiness() {
        Readiness::Ready => Ok(Json(HealthBody { status: "ready" })),
        Readiness::Full => Err(AdminError::NotReady("full")),
        Readiness::Stopping => Err(AdminError::NotReady("stopping")),
    }
}

async fn metrics_text(State(state): SharedState) -> Result<impl IntoResponse, AdminError> {
    let text = state.metrics.render().map_err(|_| AdminError::Metrics)?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

async fn rooms(State(state): SharedState) -> Json<RoomsBody> {
    Json(RoomsBody { rooms: state.backend.rooms() })
}

async fn players(State(state): SharedState) -> Json<PlayersBody> {
    Json(PlayersBody { players: state.backend.players() })
}

async fn certificate(State(state): SharedState) -> Json<CertificateBody> {
    Json(CertificateBody { sha256: state.backend.certificate_sha256() })
}
