//! The routes, each an answer to one question.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::Asked;
use super::dto::{Certificate, Players, Readiness, Rooms, Well};
use super::errors::AdminError;
use super::liveness::Liveness;
use super::mark::{self, mark};
use super::page;
use crate::telemetry::Metrics;

/// Every path that answers; what a lost visitor is shown.
pub(super) const ROUTES: [&str; 7] =
    ["/", "/livez", "/readyz", "/metrics", "/v1/rooms", "/v1/players", "/v1/certificate"];

/// What changes something, and so is asked for otherwise.
pub(super) const ACTIONS: [&str; 1] = ["POST /v1/rooms/{id}/mark"];

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) struct Plane {
    pub(super) asked: Arc<dyn Asked>,
    metrics: Arc<Metrics>,
    liveness: Mutex<Liveness>,
}

pub(super) type Shared = State<Arc<Plane>>;

/// All routes.
pub(super) fn router(asked: Arc<dyn Asked>, metrics: Arc<Metrics>) -> Router {
    let mark =
        post(mark).fallback(async || AdminError::OnlyPost).layer(DefaultBodyLimit::max(mark::BODY_BYTES));
    let plane = Plane { asked, metrics, liveness: Mutex::default() };
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
        .with_state(Arc::new(plane))
}

async fn front_page(State(plane): Shared) -> Html<String> {
    Html(page::render(&plane.asked.rooms()))
}

async fn livez(State(plane): Shared) -> Result<Json<Well>, AdminError> {
    let rooms = plane.asked.rooms();
    // A panic in another request leaves what was seen, which is as good as before.
    let mut liveness = plane.liveness.lock().unwrap_or_else(PoisonError::into_inner);
    match liveness.look(Instant::now(), &rooms) {
        stuck if stuck.is_empty() => Ok(Json(Well { status: "live" })),
        stuck => Err(AdminError::Stuck(stuck)),
    }
}

async fn readyz(State(plane): Shared) -> Result<Json<Well>, AdminError> {
    match plane.asked.readiness() {
        Readiness::Ready => Ok(Json(Well { status: "ready" })),
        Readiness::Full => Err(AdminError::NotReady("full")),
        Readiness::Stopping => Err(AdminError::NotReady("stopping")),
    }
}

async fn metrics_text(State(plane): Shared) -> Result<impl IntoResponse, AdminError> {
    let text = plane.metrics.render().map_err(|_| AdminError::Metrics)?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

async fn rooms(State(plane): Shared) -> Json<Rooms> {
    Json(Rooms { rooms: plane.asked.rooms() })
}

async fn players(State(plane): Shared) -> Json<Players> {
    Json(Players { players: plane.asked.players() })
}

async fn certificate(State(plane): Shared) -> Json<Certificate> {
    Json(Certificate { sha256: plane.asked.certificate_sha256() })
}
