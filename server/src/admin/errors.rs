//! Errors of the admin HTTP server, each with its HTTP status and JSON body. No other file chooses a status.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::dto::MarkRefusal;
use super::routes::{ACTIONS, GET_ROUTES};

/// Errors of a request. Each becomes a response with a status of 4xx or 5xx.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AdminError {
    /// No route has this path.
    UnknownPath,
    /// The path exists, but only with GET.
    WrongMethod,
    /// The rooms with these ids do not tick, or these groups of threads do not run: the process should be restarted.
    Stuck { rooms: Vec<String>, threads: Vec<&'static str> },
    /// The request names a host that is neither an IP address nor `localhost`.
    ForeignHost,
    /// The request does not have the token.
    NoToken,
    /// The request takes too long.
    Timeout,
    /// The server runs but refuses players at present, for this reason.
    NotReady(&'static str),
    /// The metrics could not be encoded.
    Metrics,
    /// The path exists, but only with POST.
    PostOnly,
    /// The request comes from a web page in a browser.
    FromWebPage,
    /// The body's content type is not JSON.
    NotJson,
    /// The body is longer than [`MAX_BODY_BYTES`](super::mark::MAX_BODY_BYTES).
    TooLarge,
    /// The request is invalid, for this reason.
    InvalidRequest(&'static str),
    /// The room did not accept the mark, for this reason.
    NotMarked(MarkRefusal),
}

/// The JSON body of an error. Empty lists are left out.
#[derive(Default, Serialize)]
struct ErrorBody {
    error: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    threads: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    routes: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    actions: &'static [&'static str],
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let mut body = ErrorBody::default();
        let (status, error) = match self {
            Self::UnknownPath => {
                (body.routes, body.actions) = (&GET_ROUTES, &ACTIONS);
                (StatusCode::NOT_FOUND, "no such path".into())
            }
            Self::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed".into()),
            Self::Stuck { rooms, threads } => {
                let error = if threads.is_empty() { "rooms do not tick" } else { "threads do not run" };
                (body.rooms, body.threads) = (rooms, threads);
                (StatusCode::SERVICE_UNAVAILABLE, error.into())
            }
            Self::ForeignHost => {
                (StatusCode::FORBIDDEN, "the Host header must be an IP address or localhost".into())
            }
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "the header Authorization: Bearer with the token of http.token_file is missing or wrong"
                    .into(),
            ),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "the request was not complete within 5 s".into()),
            Self::NotReady(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason.into()),
            Self::Metrics => (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be rendered".into()),
            Self::PostOnly => (StatusCode::METHOD_NOT_ALLOWED, "only POST is allowed".into()),
            Self::FromWebPage => (StatusCode::FORBIDDEN, "requests from web pages are refused".into()),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content-type must be application/json".into())
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 4 KiB".into()),
            Self::InvalidRequest(reason) => (StatusCode::BAD_REQUEST, reason.into()),
            Self::NotMarked(refusal) => mark_refusal(refusal),
        };
        body.error = error;
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn mark_refusal(refusal: MarkRefusal) -> (StatusCode, Cow<'static, str>) {
    match refusal {
        MarkRefusal::NoRoom => (StatusCode::NOT_FOUND, "no such room".into()),
        MarkRefusal::NotWritten(reason) => (StatusCode::CONFLICT, reason.into()),
        MarkRefusal::Busy(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason.into()),
    }
}
