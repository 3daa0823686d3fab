//! The development certificate: the self-signed certificate of a server without a configured one.
//!
//! No authority has signed it, so clients pin its hash. Browsers accept a pinned hash only for a certificate with an ECDSA P-256 key and a
//! validity of at most 14 days. So it is valid for 13 days, and is renewed when less than three days are left.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::identity::{Identity, IdentityError};
use super::validity::Validity;
use crate::data_dir::DataDir;

const DAY: Duration = Duration::from_secs(86_400);

/// The time from the creation of a certificate to its end. The validity starts an hour earlier, so it is 13 days and an hour; browsers
/// accept at most 14 days.
pub const VALIDITY: Duration = Duration::from_secs(13 * DAY.as_secs());

/// The remaining validity below which the certificate is renewed.
pub const RENEW_BEFORE: Duration = Duration::from_secs(3 * DAY.as_secs());

/// The time by which the validity of a certificate starts before its creation. A client whose clock is slow by less than this accepts a new
/// certificate at once.
const BACKDATED: Duration = Duration::from_secs(3600);

const CERT_FILE: &str = "tls/cert.pem";
const KEY_FILE: &str = "tls/key.pem";

/// Loads the stored certificate and key. Creates and stores new ones when they are missing, damaged or due for renewal.
///
/// # Errors
/// When a new certificate cannot be created or stored.
pub fn open(dir: &DataDir, now: SystemTime) -> Result<Identity, IdentityError> {
    let (cert, key) = (dir.file(CERT_FILE), dir.file(KEY_FILE));
    match Identity::read(&cert, &key) {
        Ok(stored) if !is_due(stored.validity(), now) => return Ok(stored),
        Err(error) if cert.exists() => {
            tracing::warn!(%error, "stored development certificate is unusable, creating a new one")
        }
        _ => {}
    }
    create(dir, now)?;
    let created = Identity::read(&cert, &key)?;
    tracing::info!(file = %cert.display(), sha256 = created.sha256(), "created a development certificate, valid for 13 days");
    Ok(created)
}

/// Returns true if a certificate is not valid now, because it has expired or was made when the clock was ahead, or has less than
/// [`RENEW_BEFORE`] left.
pub fn is_due(validity: Validity, now: SystemTime) -> bool {
    validity.check(now).is_err() || validity.remaining(now) < RENEW_BEFORE
}

/// Writes a new key and certificate. A crash between the two writes leaves a pair that does not match, which the next start replaces.
fn create(dir: &DataDir, now: SystemTime) -> Result<(), IdentityError> {
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

/// Returns the names and addresses for which the certificate is valid: those of the loopback interface, and the host name for other
/// machines on the network.
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
