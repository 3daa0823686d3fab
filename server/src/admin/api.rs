//! The router of the admin HTTP server, and the handlers of its GET routes.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::time;

use super::dto::{CertificateBody, HealthBody, PlayersBody, Readiness, RoomsBody};
use super::errors::AdminError;
use super::mark::{self, mark};
use super::page;
use super::state::{AdminState, SharedState};

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Builds the router with all routes. A path or method without a route gets an [`AdminError`] as JSON.
pub(super) fn router(state: Arc<AdminState>) -> Router {
    let mark =
        post(mark).fallback(async || AdminError::PostOnly).layer(DefaultBodyLimit::max(mark::MAX_BODY_BYTES));
    let protected = Router::new()
        .route("/", get(front_page))
        .route("/metrics", get(metrics_text))
        .route("/v1/rooms", get(rooms))
        .route("/v1/rooms/{id}/mark", mark)
        .route("/v1/players", get(players))
        .route("/v1/certificate", get(certificate))
        .fallback(async || AdminError::UnknownPath)
        .method_not_allowed_fallback(async || AdminError::WrongMethod)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), check_access));
    // Health checks reveal nothing, and orchestrators send them without a token.
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .method_not_allowed_fallback(async || AdminError::WrongMethod)
        .merge(protected)
        .layer(middleware::from_fn(limit_time))
        .with_state(state)
}

/// The time for a request to be received and answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

async fn limit_time(request: Request, next: Next) -> Result<Response, AdminError> {
    time::timeout(REQUEST_TIMEOUT, next.run(request)).await.map_err(|_| AdminError::Timeout)
}

async fn check_access(
    State(state): SharedState,
    request: Request,
    next: Next,
) -> Result<Response, AdminError> {
    state.access.get().check(request.headers())?;
    Ok(next.run(request).await)
}

async fn front_page(State(state): SharedState) -> Result<Html<String>, AdminError> {
    Ok(Html(page::render(&state.backend()?.rooms())))
}

async fn livez(State(state): SharedState) -> Result<Json<HealthBody>, AdminError> {
    // A starting process is live: reading the journals of earlier runs may take long, and a restart would begin it again.
    let Ok(backend) = state.backend() else { return Ok(Json(HealthBody { status: "live" })) };
    let now = Instant::now();
    let running_since = state.running_since(now);
    let (rooms, threads) = (backend.rooms(), backend.stalled_threads(running_since));
    // A panic in another request leaves the observed ticks valid, so a poisoned lock is not an error.
    let mut liveness = state.liveness.lock().unwrap_or_else(PoisonError::into_inner);
    let rooms = liveness.check(now, running_since, &rooms);
    if rooms.is_empty() && threads.is_empty() {
        Ok(Json(HealthBody { status: "live" }))
    } else {
        Err(AdminError::Stuck { rooms, threads })
    }
}

async fn readyz(State(state): SharedState) -> Result<Json<HealthBody>, AdminError> {
    match state.backend()?.readiness() {
        Readiness::Ready => Ok(Json(HealthBody { status: "ready" })),
        Readiness::Full => Err(AdminError::NotReady("full")),
        Readiness::Stopping => Err(AdminError::NotReady("stopping")),
    }
}

async fn startupz(State(state): SharedState) -> Result<Json<HealthBody>, AdminError> {
    state.backend()?;
    Ok(Json(HealthBody { status: "started" }))
}

/// Renders the metrics in the format that the client accepts: OpenMetrics if it names that format, and the older text format otherwise.
async fn metrics_text(
    State(state): SharedState,
    headers: HeaderMap,
) -> Result<impl IntoResponse, AdminError> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (kind, text) = if prefers_open_metrics(accepted) {
        (OPEN_METRICS, state.metrics.render())
    } else {
        (TEXT_FORMAT, state.metrics.render_text())
    };
    Ok(([(header::CONTENT_TYPE, kind)], text.map_err(|_| AdminError::Metrics)?))
}

/// Whether a client with these `Accept` headers prefers OpenMetrics to the older text format: it names OpenMetrics, and with a weight (`q`,
/// 1 by default) that is not 0 and not below that of the text format. Source: RFC 9110, section 12.5.1.
fn prefers_open_metrics<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let (mut open_metrics, mut text) = (0.0, 0.0);
    for range in accept.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let weight = match parts.next() {
            Some("application/openmetrics-text") => &mut open_metrics,
            Some("text/plain") => &mut text,
            _ => continue,
        };
        let given = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        *weight = f32::max(*weight, given.unwrap_or(1.0));
    }
    open_metrics > 0.0 && open_metrics >= text
}

async fn rooms(State(state): SharedState) -> Result<Json<RoomsBody>, AdminError> {
    Ok(Json(RoomsBody { rooms: state.backend()?.rooms() }))
}

async fn players(State(state): SharedState) -> Result<Json<PlayersBody>, AdminError> {
    Ok(Json(PlayersBody { players: state.backend()?.players() }))
}

async fn certificate(State(state): SharedState) -> Result<Json<CertificateBody>, AdminError> {
    Ok(Json(CertificateBody { sha256: state.backend()?.certificate_sha256() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_sent_to_clients_that_name_it_and_prefer_it() {
        let prefers = |accept: &[&str]| prefers_open_metrics(accept.iter().copied());
        // The header of Prometheus itself.
        assert!(prefers(&[
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
        ]));
        assert!(prefers(&["text/plain", "application/openmetrics-text"]));
        assert!(!prefers(&["application/openmetrics-text;q=0"]));
        assert!(!prefers(&["application/openmetrics-text; q=0.2, text/plain; q=0.9"]));
        assert!(!prefers(&["*/*"]) && !prefers(&[]));
    }
}
