//! `POST /v1/rooms/{id}/mark`: marks the newest tick of a room in the room's journal, with an operator's reason.
//!
//! This is the only request that changes something, so a web page in the operator's browser must not be able to send it (cross-site
//! request forgery, DNS rebinding). Browsers send an `Origin` header with every POST of a page. No page of this server sends a POST,
//! so every request with an `Origin` header is refused.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use quarrel_shared::protocol::shown_text::clean;
use serde::Deserialize;
use tokio::time;

use super::dto::{Mark, MarkRefusal};
use super::errors::AdminError;
use super::state::SharedState;

/// The maximum length of a body. A reason of [`MAX_REASON_CHARS`] takes at most 4 x 400 = 1,600 bytes as UTF-8, and 6 x 400 = 2,400
/// bytes with every character as a `\uXXXX` escape.
pub(super) const MAX_BODY_BYTES: usize = 4 * 1024;

/// The maximum length of a reason, in characters: a few sentences.
pub(super) const MAX_REASON_CHARS: usize = 400;

/// The timeout of a room's answer: twice the longest period of a room, because a room answers at its next tick and the minimum tick
/// rate is one per second.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The body of the request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkRequestBody {
    reason: String,
}

/// Handles the request.
pub(super) async fn mark(
    State(state): SharedState,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Mark>, AdminError> {
    if headers.contains_key(header::ORIGIN) {
        return Err(AdminError::FromWebPage);
    }
    if !is_json(&headers) {
        return Err(AdminError::NotJson);
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => AdminError::TooLarge,
        _ => AdminError::InvalidRequest("the body is incomplete"),
    })?;
    let reason = parse_reason(&body).map_err(AdminError::InvalidRequest)?;
    match time::timeout(ANSWER_TIMEOUT, state.backend()?.mark(&room, reason)).await {
        Ok(answer) => answer.map(Json).map_err(AdminError::NotMarked),
        // The room may still write the mark. A second request then adds a second mark, which is harmless.
        Err(_) => Err(AdminError::NotMarked(MarkRefusal::Busy("the room does not answer".to_owned()))),
    }
}

/// Whether the content type is `application/json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// Returns the cleaned reason of a mark, or a sentence that names the fault of the request.
fn parse_reason(body: &[u8]) -> Result<String, &'static str> {
    let MarkRequestBody { reason } =
        serde_json::from_slice(body).map_err(|_| "the body must be {\"reason\": \"...\"}, as JSON")?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err("the reason is empty");
    }
    if reason.chars().count() > MAX_REASON_CHARS {
        return Err("the reason is longer than 400 characters");
    }
    if reason.chars().any(char::is_control) {
        return Err("the reason contains a control character, such as a line break");
    }
    let reason = clean(reason, MAX_BODY_BYTES);
    if reason.is_empty() { Err("the reason is empty") } else { Ok(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_trimmed_and_hidden_characters_are_removed() {
        assert_eq!(parse_reason(br#"{"reason": "aim\u202ebot\u3164"}"#), Ok("aimbot".to_owned()));
        assert_eq!(parse_reason(br#"{"reason": " aimbot, seat 3 "}"#), Ok("aimbot, seat 3".to_owned()));
        let longest = "\u{e9}".repeat(MAX_REASON_CHARS);
        assert_eq!(parse_reason(format!("{{\"reason\":\"{longest}\"}}").as_bytes()), Ok(longest));
    }

    #[test]
    fn an_invalid_body_is_refused_with_the_fault() {
        let long = format!("{{\"reason\":\"{}\"}}", "a".repeat(MAX_REASON_CHARS + 1));
        let wrong = [
            ("", "must be"),
            ("{}", "must be"),
            ("{\"reason\": 7}", "must be"),
            ("{\"reason\": \"a\", \"tick\": 7}", "must be"),
            ("\u{0}\u{fe}", "must be"),
            ("{\"reason\": \"  \"}", "is empty"),
            ("{\"reason\": \"\\u3164\"}", "is empty"),
            (&long, "400 characters"),
            ("{\"reason\": \"a\\u001b[2Jb\"}", "control character"),
            ("{\"reason\": \"a\\u0085b\"}", "control character"),
        ];
        for (body, part) in wrong {
            let sentence = parse_reason(body.as_bytes()).unwrap_err();
            assert!(sentence.contains(part), "{body}: {sentence}");
        }
    }

    #[test]
    fn only_json_is_accepted() {
        let accepts = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            is_json(&headers)
        };
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(accepts(kind), "{kind}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", ""]
        {
            assert!(!accepts(kind), "{kind}");
        }
        assert!(!accepts("text/plain; application/json") && !is_json(&HeaderMap::new()));
    }
}
