//! How a failure becomes an HTTP status: this file alone decides.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::api::ROUTES;

/// Why a request has no better answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AdminError {
    /// There is no such path.
    UnknownPath,
    /// There is, but not with this method.
    WrongMethod,
    /// These rooms do not tick: something should restart this process.
    Stuck(Vec<String>),
    /// The server is well but takes no more players for now, for this reason.
    NotReady(&'static str),
    /// The numbers could not be written down.
    Metrics,
}

#[derive(Serialize)]
struct Body {
    error: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    routes: &'static [&'static str],
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let (status, error, rooms, routes): (_, _, _, &[&str]) = match self {
            Self::UnknownPath => (StatusCode::NOT_FOUND, "no such path", Vec::new(), &ROUTES),
            Self::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered", Vec::new(), &[]),
            Self::Stuck(rooms) => (StatusCode::SERVICE_UNAVAILABLE, "rooms do not tick", rooms, &[]),
            Self::NotReady(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason, Vec::new(), &[]),
            Self::Metrics => {
                (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be rendered", Vec::new(), &[])
            }
        };
        (status, Json(Body { error, rooms, routes })).into_response()
    }
}
