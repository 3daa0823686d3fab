//! The endpoint's two secrets, which are stored so that a restarted server is the same endpoint to its clients.
//!
//! With the same reset key, a restarted server answers packets of lost connections with stateless resets that their clients accept, so that
//! players reconnect at once. With a new key they would wait for their idle timeout. With the same token key, the address validation
//! tokens that clients have stay valid.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use ring::digest;
use ring::hkdf;
use ring::rand::{SecureRandom, SystemRandom};

use crate::data_dir::{DataDir, DataDirError};

const RESET_FILE: &str = "tls/reset.key";
const TOKEN_FILE: &str = "tls/token.key";

/// The length of a secret in bytes: one block of SHA-256, which is the longest key that HMAC uses without hashing it.
pub const SECRET_BYTES: usize = 64;

/// The length of a derived secret in bytes: one output block of HKDF with SHA-256.
pub const DERIVED_BYTES: usize = 32;

/// The salt of derived secrets. It separates them from the secrets that the QUIC library derives from the token key without a salt.
const DERIVED_SALT: &[u8] = b"quarrel";

/// The endpoint's secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointKeys {
    /// The key that signs stateless resets.
    pub reset: [u8; SECRET_BYTES],
    /// The key that signs Retry and address validation tokens.
    pub token: [u8; SECRET_BYTES],
}

/// A failure to load or create the secrets.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The data directory cannot store the secrets.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A secret exists and cannot be read. It is kept, because a later start may read it.
    #[error("cannot read the secret {}: {source}; the server needs this file and does not replace it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The system's random generator failed, so no secret can be created.
    #[error("the system's random generator failed")]
    Random,
}

impl EndpointKeys {
    /// Loads the secrets from this data directory. Creates and stores those that are missing or of the wrong length.
    ///
    /// # Errors
    /// When a stored secret cannot be read, or a new one cannot be created or stored.
    pub fn open(dir: &DataDir) -> Result<Self, KeysError> {
        Ok(Self { reset: secret(dir, RESET_FILE)?, token: secret(dir, TOKEN_FILE)? })
    }

    /// Checks that the stored secrets, if there are any, can be read.
    ///
    /// # Errors
    /// When a stored secret cannot be read.
    pub fn check(dir: &DataDir) -> Result<(), KeysError> {
        [RESET_FILE, TOKEN_FILE].into_iter().try_for_each(|name| stored(dir, name).map(drop))
    }

    /// Derives the secrets from a seed, without a data directory, for simulations.
    pub fn in_memory(seed: &[u8]) -> Self {
        Self { reset: derived(seed, b"reset"), token: derived(seed, b"token") }
    }

    /// Derives a secret for one purpose from the token key. It reveals neither the endpoint's secrets nor those of other purposes.
    pub fn derive(&self, purpose: &str) -> [u8; DERIVED_BYTES] {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, DERIVED_SALT).extract(&self.token);
        let mut bytes = [0; DERIVED_BYTES];
        let purpose = [purpose.as_bytes()];
        let expanded = extracted.expand(&purpose, hkdf::HKDF_SHA256);
        let filled = expanded.and_then(|expanded| expanded.fill(&mut bytes));
        // HKDF has one error: an output of more than 255 blocks.
        assert!(filled.is_ok(), "HKDF can always output one block");
        bytes
    }
}

impl fmt::Debug for EndpointKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointKeys").finish_non_exhaustive()
    }
}

/// Loads a secret, or creates and stores a new one when the file is missing or of the wrong length.
fn secret(dir: &DataDir, name: &str) -> Result<[u8; SECRET_BYTES], KeysError> {
    if let Some(stored) = stored(dir, name)? {
        return Ok(stored);
    }
    let mut created = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut created).map_err(|_| KeysError::Random)?;
    dir.write_private(name, &created)?;
    Ok(created)
}

/// Reads a stored secret; `None` when the file is missing or of the wrong length.
fn stored(dir: &DataDir, name: &str) -> Result<Option<[u8; SECRET_BYTES]>, KeysError> {
    let path = dir.file(name);
    match fs::read(&path) {
        Ok(bytes) => match bytes.try_into() {
            Ok(secret) => Ok(Some(secret)),
            Err(_) => {
                tracing::warn!(file = name, "secret file has the wrong length, replaced");
                Ok(None)
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeysError::Read { path, source }),
    }
}

/// Derives a secret of an endpoint in memory from a seed.
fn derived(seed: &[u8], purpose: &[u8]) -> [u8; SECRET_BYTES] {
    let mut context = digest::Context::new(&digest::SHA512);
    context.update(purpose);
    context.update(seed);
    let mut bytes = [0; SECRET_BYTES];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_created_once_and_stored() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let first = EndpointKeys::open(&dir).unwrap();
        assert_ne!(first.reset, first.token, "the two purposes have different secrets");
        assert!(EndpointKeys::open(&dir).unwrap() == first, "a restarted server has the same secrets");
    }

    #[test]
    fn a_secret_of_the_wrong_length_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        dir.write_private(RESET_FILE, b"short").unwrap();
        let keys = EndpointKeys::open(&dir).unwrap();
        assert!(EndpointKeys::open(&dir).unwrap() == keys, "the replacement is stored");
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        // Reading a folder as a file fails, also for a privileged user.
        fs::create_dir_all(dir.file(RESET_FILE)).unwrap();
        assert!(matches!(EndpointKeys::open(&dir), Err(KeysError::Read { .. })));
        assert!(matches!(EndpointKeys::check(&dir), Err(KeysError::Read { .. })));
        assert!(dir.file(RESET_FILE).is_dir() && !dir.file(TOKEN_FILE).exists(), "nothing is written");
    }

    #[test]
    fn the_seed_determines_both_secrets() {
        assert!(EndpointKeys::in_memory(b"1") == EndpointKeys::in_memory(b"1"));
        assert!(EndpointKeys::in_memory(b"1").reset != EndpointKeys::in_memory(b"2").reset);
        assert!(EndpointKeys::in_memory(b"1").reset != EndpointKeys::in_memory(b"1").token);
    }

    #[test]
    fn each_purpose_has_its_own_secret_and_a_restart_derives_it_again() {
        let keys = EndpointKeys::in_memory(b"1");
        assert_eq!(keys.derive("tickets"), EndpointKeys::in_memory(b"1").derive("tickets"));
        assert_ne!(keys.derive("tickets"), keys.derive("something else"));
        assert_ne!(keys.derive("tickets"), EndpointKeys::in_memory(b"2").derive("tickets"));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", EndpointKeys::in_memory(b"1")), "EndpointKeys { .. }");
    }
}
