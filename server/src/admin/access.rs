//! The access rules of the admin HTTP server. Have no I/O, except that a token is read from its file.
//!
//! Health checks are open to everyone who reaches the port. All other requests need the token, if one is configured. Without a token the
//! server listens on loopback only, where a web page in the operator's browser could still reach it under a host name of the page's owner
//! that resolves to loopback (DNS rebinding). So the `Host` header must then be an IP address or `localhost`.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use axum::http::{HeaderMap, header};
use ring::{digest, hmac, rand};

use super::errors::AdminError;

/// The minimum length of a token in characters: 16 random characters of base64 are 96 bits.
const MIN_TOKEN_CHARS: usize = 16;

/// Errors of reading the token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token file {}: {source}; set http.token_file to a file that this user may read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The token is too short or contains characters that a header cannot carry.
    #[error(
        "the token in {} is not usable: it takes one line of at least 16 letters, digits or punctuation, as `openssl rand -hex 32` prints it",
        path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
    },
}

/// The rule by which a request other than a health check is allowed.
#[derive(Debug)]
pub enum AccessPolicy {
    /// The `Host` header is an IP address or `localhost`. For a server that listens on loopback without a token.
    LocalHost,
    /// The `Authorization` header has this token.
    Token(Box<AdminToken>),
}

impl AccessPolicy {
    /// Reads the token of this file; without a file, the policy is [`Self::LocalHost`].
    ///
    /// # Errors
    /// When the file cannot be read, or has no usable token.
    pub fn read(token_file: Option<&Path>) -> Result<Self, TokenError> {
        Ok(match token_file {
            Some(path) => Self::Token(Box::new(AdminToken::read(path)?)),
            None => Self::LocalHost,
        })
    }

    /// Checks the headers of a request other than a health check.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), AdminError> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        match self {
            // A request without a host does not come from a browser.
            Self::LocalHost if text(header::HOST).is_none_or(is_local_host) => Ok(()),
            Self::LocalHost => Err(AdminError::ForeignHost),
            Self::Token(token) => {
                let given = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
                if given.is_some_and(|given| token.matches(given)) {
                    Ok(())
                } else {
                    Err(AdminError::NoToken)
                }
            }
        }
    }
}

/// A secret that requests must contain.
pub struct AdminToken {
    /// A random key for comparisons in constant time.
    key: hmac::Key,
    /// The token's code under that key.
    tag: hmac::Tag,
}

impl AdminToken {
    fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let token = text.trim();
        let is_usable = token.len() >= MIN_TOKEN_CHARS && token.chars().all(|c| c.is_ascii_graphic());
        if !is_usable {
            return Err(TokenError::Unusable { path: path.to_owned() });
        }
        Self::new(token).map_err(|_| unreadable(io::Error::other("the system's random generator failed")))
    }

    fn new(token: &str) -> Result<Self, ring::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        let tag = hmac::sign(&key, digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Ok(Self { key, tag })
    }

    /// Compares in constant time: neither the content nor the length of the token can be measured.
    fn matches(&self, given: &str) -> bool {
        let given = digest::digest(&digest::SHA256, given.as_bytes());
        hmac::verify(&self.key, given.as_ref(), self.tag.as_ref()).is_ok()
    }
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminToken").finish_non_exhaustive()
    }
}

/// Whether a `Host` header, with or without a port, is an IP address or `localhost`.
fn is_local_host(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        // The last colon of `[::1]` does not separate a port.
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    let address = without_port.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() || without_port.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn only_addresses_and_localhost_are_local_hosts() {
        for host in
            ["127.0.0.1", "127.0.0.1:7780", "[::1]:7780", "[::1]", "localhost", "LOCALHOST:1", "localhost."]
        {
            assert!(is_local_host(host), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:7780", "localhost.evil.example", "127.0.0.1.evil.example"]
        {
            assert!(!is_local_host(host), "{host}");
        }
    }

    #[test]
    fn without_a_token_a_foreign_host_is_refused() {
        let policy = AccessPolicy::LocalHost;
        assert_eq!(policy.check(&headers(header::HOST, "127.0.0.1:7780")), Ok(()));
        assert_eq!(policy.check(&HeaderMap::new()), Ok(()));
        assert_eq!(policy.check(&headers(header::HOST, "evil.example")), Err(AdminError::ForeignHost));
    }

    #[test]
    fn with_a_token_exactly_this_token_is_accepted() {
        let policy = AccessPolicy::Token(Box::new(AdminToken::new("0123456789abcdef").unwrap()));
        let check = |value: &str| policy.check(&headers(header::AUTHORIZATION, value));
        assert_eq!(check("Bearer 0123456789abcdef"), Ok(()));
        for wrong in ["", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer 0123456789abcdeF"]
        {
            assert_eq!(check(wrong), Err(AdminError::NoToken), "{wrong}");
        }
        assert_eq!(policy.check(&headers(header::HOST, "127.0.0.1")), Err(AdminError::NoToken));
    }

    #[test]
    fn a_token_is_one_line_of_sixteen_characters_or_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            AccessPolicy::read(Some(&path))
        };
        assert!(matches!(read("0123456789abcdef\n"), Ok(AccessPolicy::Token(_))));
        for text in ["", "short\n", "0123456789 abcdef", "0123456789abcdef\n0123456789abcdef"] {
            assert!(matches!(read(text), Err(TokenError::Unusable { .. })), "{text}");
        }
        assert!(matches!(
            AccessPolicy::read(Some(&folder.path().join("none"))),
            Err(TokenError::Unreadable { .. })
        ));
        assert!(matches!(AccessPolicy::read(None), Ok(AccessPolicy::LocalHost)));
    }
}
