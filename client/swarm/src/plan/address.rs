//! Syntax checks of server addresses and certificate hashes. They need no network, so they run before anything else.

use super::PlanError;

/// Checks that a text is a host and a port. The host is resolved later, on the machine that runs the bots.
pub(super) fn check(server: &str) -> Result<(), PlanError> {
    let (host, port) = server.rsplit_once(':').unwrap_or((server, ""));
    match port.parse::<u16>() {
        _ if host.is_empty() => Err(invalid(server, "the host is missing")),
        Err(_) => Err(invalid(server, "the port is missing")),
        Ok(_) => Ok(()),
    }
}

/// Returns the error of a server address that cannot be used, with this reason.
pub(super) fn invalid(server: &str, message: &str) -> PlanError {
    PlanError::at(["server"], format!("{server}: {message}; give a host and a port, as in 127.0.0.1:7777"))
}

/// Parses a SHA-256 in hexadecimal; colons are ignored.
///
/// # Errors
/// A sentence that names the accepted form.
pub(super) fn parse_hash(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("'{text}' is not a SHA-256: give 64 hexadecimal digits");
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if digits.len() != 64 {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_of_the_wrong_form_is_refused() {
        assert!(parse_hash("abcd").is_err());
        assert!(parse_hash(&"g".repeat(64)).is_err());
    }
}
