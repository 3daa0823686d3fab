//! How a failure becomes an HTTP status: this file alone decides.

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::api::{ACTIONS, ROUTES};
use super::dto::MarkRefusal;

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
    /// There is such a path, but it is asked with POST alone.
    OnlyPost,
    /// A web page in a browser asks.
    FromPage,
    /// The body is of another type.
    NotJson,
    /// The body is longer than any that is right.
    TooLarge,
    /// The request is wrong, for this reason.
    Request(&'static str),
    /// The moment was not marked.
    NotMarked(MarkRefusal),
}

#[derive(Default, Serialize)]
struct Body {
    error: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    routes: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    actions: &'static [&'static str],
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let mut body = Body::default();
        let (status, error) = match self {
            Self::UnknownPath => {
                (body.routes, body.actions) = (&ROUTES, &ACTIONS);
                (StatusCode::NOT_FOUND, "no such path".into())
            }
            Self::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered".into()),
            Self::Stuck(rooms) => {
                body.rooms = rooms;
                (StatusCode::SERVICE_UNAVAILABLE, "rooms do not tick".into())
            }
            Self::NotReady(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason.into()),
            Self::Metrics => (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be rendered".into()),
            Self::OnlyPost => (StatusCode::METHOD_NOT_ALLOWED, "only POST is answered".into()),
            Self::FromPage => (StatusCode::FORBIDDEN, "web pages are not answered here".into()),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content-type must be application/json".into())
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 4 KiB".into()),
            Self::Request(reason) => (StatusCode::BAD_REQUEST, reason.into()),
            Self::NotMarked(refusal) => not_marked(refusal),
        };
        body.error = error;
        (status, Json(body)).into_response()
    }
}

fn not_marked(refusal: MarkRefusal) -> (StatusCode, Cow<'static, str>) {
    match refusal {
        MarkRefusal::NoRoom => (StatusCode::NOT_FOUND, "no such room".into()),
        MarkRefusal::NotWritten(why) => (StatusCode::CONFLICT, why.into()),
        MarkRefusal::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, why.into()),
    }
}
