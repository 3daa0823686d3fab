//! `POST /v1/rooms/{id}/mark`: an operator marks this moment of a room, with a reason, in the room's journal.
//!
//! It is the one request that changes something, so it is the one that a stranger's web page must not be able to make in the
//! operator's browser. Browsers say with every POST which page makes it, and no page of ours does, so whoever says so is refused: even
//! a page whose host's name was made to lead here after it was loaded.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tokio::time;

use super::api::Shared;
use super::dto::{Mark, MarkRefusal};
use super::errors::AdminError;

/// The most bytes of a body: the longest reason with every character escaped, twice over.
pub(super) const BODY_BYTES: usize = 4 * 1024;

/// The longest reason, in characters: a tweet and a half. A journal has no use for an essay.
pub(super) const REASON_CHARS: usize = 400;

/// How long a room may take to answer: it does at its next tick, and the slowest has one a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the body says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkRequest {
    reason: String,
}

pub(super) async fn mark(
    State(plane): Shared,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Mark>, AdminError> {
    if headers.contains_key(header::ORIGIN) {
        return Err(AdminError::FromPage);
    }
    if !is_json(&headers) {
        return Err(AdminError::NotJson);
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => AdminError::TooLarge,
        _ => AdminError::Request("the body did not arrive"),
    })?;
    let reason = read_reason(&body).map_err(AdminError::Request)?;
    match time::timeout(PATIENCE, plane.asked.mark(&room, reason)).await {
        Ok(answer) => answer.map(Json).map_err(AdminError::NotMarked),
        // The room may still come to it: whoever asks again may mark twice, which harms nobody.
        Err(_) => Err(AdminError::NotMarked(MarkRefusal::Busy("the room does not answer".to_owned()))),
    }
}

/// Exactly this type, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = said.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The reason, or a sentence that says what is wrong with the request.
fn read_reason(body: &[u8]) -> Result<String, &'static str> {
    let MarkRequest { reason } =
        serde_json::from_slice(body).map_err(|_| "the body must be {\"reason\": \"...\"}, as JSON")?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err("the reason is empty");
    }
    if reason.chars().count() > REASON_CHARS {
        return Err("the reason is longer than 400 characters");
    }
    if reason.chars().any(char::is_control) {
        return Err("the reason has a control character in it, such as a line's end");
    }
    Ok(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_without_the_space_around_it() {
        assert_eq!(read_reason(br#"{"reason": " aimbot, seat 3 "}"#), Ok("aimbot, seat 3".to_owned()));
        let longest = "\u{e9}".repeat(REASON_CHARS);
        assert_eq!(read_reason(format!("{{\"reason\":\"{longest}\"}}").as_bytes()), Ok(longest));
    }

    #[test]
    fn a_request_that_is_none_is_refused_with_a_sentence() {
        let long = format!("{{\"reason\":\"{}\"}}", "a".repeat(REASON_CHARS + 1));
        let wrong = [
            ("", "must be"),
            ("{}", "must be"),
            ("{\"reason\": 7}", "must be"),
            ("{\"reason\": \"a\", \"tick\": 7}", "must be"),
            ("\u{0}\u{fe}", "must be"),
            ("{\"reason\": \"  \"}", "is empty"),
            (&long, "400 characters"),
            ("{\"reason\": \"a\\u001b[2Jb\"}", "control character"),
            ("{\"reason\": \"a\\u0085b\"}", "control character"),
        ];
        for (body, part) in wrong {
            let sentence = read_reason(body.as_bytes()).unwrap_err();
            assert!(sentence.contains(part), "{body}: {sentence}");
        }
    }

    #[test]
    fn only_json_is_taken() {
        let said = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            is_json(&headers)
        };
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(said(kind), "{kind}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", ""]
        {
            assert!(!said(kind), "{kind}");
        }
        assert!(!said("text/plain; application/json") && !is_json(&HeaderMap::new()));
    }
}
