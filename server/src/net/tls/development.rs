//! The certificate that a server without one makes for itself.
//!
//! No authority vouches for it, so clients pin its hash. Browsers let a page pin a hash only for ECDSA P-256 and at
//! most 14 days: hence 13, and a renewal while three are left.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::identity::{Identity, IdentityError};
use crate::data_dir::DataDir;

const DAY: Duration = Duration::from_secs(86_400);

/// How long it is valid: a day under what browsers accept of a pinned certificate.
pub const VALIDITY: Duration = Duration::from_secs(13 * DAY.as_secs());

/// With less than this left it is renewed.
pub const RENEW_BEFORE: Duration = Duration::from_secs(3 * DAY.as_secs());

/// A client whose clock is behind ours by less than this accepts a new certificate at once.
const BACKDATED: Duration = Duration::from_secs(3600);

const CERT_FILE: &str = "tls/cert.pem";
const KEY_FILE: &str = "tls/key.pem";

/// The one that is kept, or a new one where none is, where it is damaged, or where it is due.
pub fn open(dir: &DataDir, now: SystemTime) -> Result<Identity, IdentityError> {
    let (cert, key) = (dir.file(CERT_FILE), dir.file(KEY_FILE));
    match Identity::read(&cert, &key) {
        Ok(kept) if !is_due(kept.valid_until(), now) => return Ok(kept),
        Err(error) if cert.exists() => tracing::warn!(%error, "the kept certificate is replaced"),
        _ => {}
    }
    make(dir, now)?;
    let made = Identity::read(&cert, &key)?;
    tracing::info!(file = %cert.display(), sha256 = made.sha256(), "made a development certificate for 13 days");
    Ok(made)
}

/// Whether a certificate that is valid until then should be renewed.
pub fn is_due(valid_until: SystemTime, now: SystemTime) -> bool {
    valid_until.duration_since(now).unwrap_or_default() < RENEW_BEFORE
}

/// A crash between the two files leaves a pair that does not match, which the next start replaces.
fn make(dir: &DataDir, now: SystemTime) -> Result<(), IdentityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names())?;
    params.distinguished_name.push(DnType::CommonName, "Quarrel development certificate");
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + VALIDITY).into();
    let certificate = params.self_signed(&key)?;
    dir.write_private(KEY_FILE, key.serialize_pem().as_bytes())?;
    dir.write_private(CERT_FILE, certificate.pem().as_bytes())?;
    Ok(())
}

/// What people call this machine: themselves on it, and others on their network.
fn names() -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if !host.is_empty() && host.chars().all(is_name) && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}
