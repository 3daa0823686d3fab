//! The secret key that a coordinator and its agents share, and the proof by which each side shows the other that it has the key.
//!
//! An agent sends load to any server that a coordinator names, so it must authenticate its coordinators. Certificates would need an
//! authority, or a hash copied from machine to machine; a shared key is one file. The proof is an HMAC over keying material that only the
//! two ends of one TLS connection can export: a man in the middle has two connections with different material, and cannot relay a proof
//! from one to the other. The HMAC covers the role too, so that a proof cannot be reflected to its sender.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::{self, Read},
    path::Path,
};

use ring::hmac;

/// The environment variable of the key, used when no key file is named. The key itself is never a flag, because every process of a machine
/// can read command lines.
pub const KEY_VARIABLE: &str = "QUARREL_SWARM_KEY";

/// The minimum length of a key. An attacker who records a proof can guess at the key offline; 16 characters of base64 are 96 bits, too many
/// to guess.
const MIN_BYTES: usize = 16;

/// Maximum number of bytes that are read of a key file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The label of the exported keying material. RFC 5705 requires that a label names the use of the material.
const BINDING_LABEL: &[u8] = b"EXPORTER-quarrel-swarm-key";

/// The length of a proof: that of an HMAC-SHA256.
pub(super) const PROOF_BYTES: usize = 32;
/// The keying material exported from a TLS connection, to which a proof is bound.
pub(super) type Binding = [u8; 32];
/// The proof that one side has the key: an HMAC over its role and the connection's binding.
pub(super) type Proof = [u8; PROOF_BYTES];

/// The key that a coordinator and its agents share.
#[derive(Clone)]
pub struct SwarmKey(hmac::Key);

/// The error of a key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key in {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        error: io::Error,
    },
    /// The key, of this length in bytes, is so short that it could be guessed.
    #[error(
        "a key has at least {MIN_BYTES} characters, and this one has {0}: make one with `head -c 32 /dev/urandom | base64`"
    )]
    Short(usize),
}

impl fmt::Debug for SwarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SwarmKey(..)")
    }
}

impl SwarmKey {
    /// Creates a key from these bytes. White space around them, which editors add, is removed.
    ///
    /// # Errors
    /// When fewer than 16 bytes are left.
    pub fn new(secret: &[u8]) -> Result<Self, KeyError> {
        let secret = secret.trim_ascii();
        if secret.len() < MIN_BYTES {
            return Err(KeyError::Short(secret.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or the key is too short.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |error| KeyError::Unreadable { path: path.display().to_string(), error };
        let mut secret = Vec::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE_BYTES).read_to_end(&mut secret).map_err(unreadable)?;
        Self::new(&secret)
    }

    /// Reads the key from the file if one is named, or else from the value of the environment variable. Returns `None` without a file and
    /// with an unset or empty variable.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn find(file: Option<&Path>, variable: Option<&OsStr>) -> Result<Option<Self>, KeyError> {
        match (file, variable.filter(|secret| !secret.is_empty())) {
            (Some(path), _) => Self::read(path).map(Some),
            (None, Some(secret)) => Self::new(secret.as_encoded_bytes()).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The side of a connection that makes a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Coordinator,
    Agent,
}

impl Role {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Coordinator => b"quarrel swarm coordinator ",
            Self::Agent => b"quarrel swarm agent ",
        }
    }

    /// Returns the bytes that a proof authenticates.
    fn statement(self, binding: &Binding) -> Vec<u8> {
        [self.label(), binding].concat()
    }
}

/// Exports the keying material of a connection, which only its two ends know; `None` if TLS exports none.
pub(super) fn binding(connection: &quinn::Connection) -> Option<Binding> {
    let mut binding = [0; 32];
    connection.export_keying_material(&mut binding, BINDING_LABEL, b"").ok().map(|()| binding)
}

/// Makes the proof that the side with this role has the key.
pub(super) fn prove(key: Option<&SwarmKey>, role: Role, binding: &Binding) -> Proof {
    let mut proof = [0; PROOF_BYTES];
    proof.copy_from_slice(hmac::sign(&hmac_key(key), &role.statement(binding)).as_ref());
    proof
}

/// Whether this is the proof of a peer with this role and the same key, compared in constant time.
pub(super) fn is_proven(key: Option<&SwarmKey>, role: Role, binding: &Binding, proof: &Proof) -> bool {
    hmac::verify(&hmac_key(key), &role.statement(binding), proof).is_ok()
}

/// The difference between the two sides' keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyMismatch {
    /// Both sides have a key, and the keys differ.
    Different,
    /// Only the agent has a key.
    CoordinatorHasNone,
    /// Only the coordinator has a key.
    AgentHasNone,
}

impl KeyMismatch {
    /// Determines at the agent why the coordinator's proof is wrong: whether a key is missing, and nothing about the key itself.
    pub(super) fn of(agents: Option<&SwarmKey>, binding: &Binding, proof: &Proof) -> Self {
        match agents {
            None => Self::AgentHasNone,
            Some(_) if is_proven(None, Role::Coordinator, binding, proof) => Self::CoordinatorHasNone,
            Some(_) => Self::Different,
        }
    }

    /// Returns the close reason that an agent sends. These texts are part of the protocol and must not change.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Different => "",
            Self::CoordinatorHasNone => "you have no key",
            Self::AgentHasNone => "i have no key",
        }
    }

    /// Returns the mismatch that a received close reason names.
    pub(super) fn from_reason(reason: &[u8]) -> Self {
        let is_sent = |mismatch: &Self| mismatch.reason().as_bytes() == reason;
        [Self::CoordinatorHasNone, Self::AgentHasNone].into_iter().find(is_sent).unwrap_or(Self::Different)
    }

    /// Returns a sentence for the coordinator's operator.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Different => "the agent has a different key",
            Self::CoordinatorHasNone => "the agent has a key, and this coordinator has none",
            Self::AgentHasNone => "the agent has no key, and this coordinator has one",
        }
    }
}

/// Returns the key of the HMAC. Without a shared key, which is allowed on one machine only, both sides use an empty HMAC key.
fn hmac_key(key: Option<&SwarmKey>) -> hmac::Key {
    key.map_or_else(|| hmac::Key::new(hmac::HMAC_SHA256, b""), |key| key.0.clone())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn key(secret: &str) -> SwarmKey {
        SwarmKey::new(secret.as_bytes()).unwrap()
    }

    #[test]
    fn a_proof_is_bound_to_its_key_its_role_and_its_connection() {
        let (ours, other) = (key("0123456789abcdef"), key("0123456789abcdeg"));
        let proof = prove(Some(&ours), Role::Agent, &[1; 32]);
        assert!(is_proven(Some(&ours), Role::Agent, &[1; 32], &proof));
        assert!(!is_proven(Some(&other), Role::Agent, &[1; 32], &proof));
        assert!(!is_proven(None, Role::Agent, &[1; 32], &proof));
        assert!(!is_proven(Some(&ours), Role::Coordinator, &[1; 32], &proof), "it cannot be reflected");
        assert!(!is_proven(Some(&ours), Role::Agent, &[2; 32], &proof), "it cannot be relayed");
    }

    #[test]
    fn the_line_end_of_a_key_file_is_ignored() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789abcdef\n").unwrap();
        let found =
            SwarmKey::find(Some(file.path()), Some("another key altogether".as_ref())).unwrap().unwrap();
        let proof = prove(Some(&found), Role::Agent, &[1; 32]);
        assert!(is_proven(Some(&key("0123456789abcdef")), Role::Agent, &[1; 32], &proof));
    }

    #[test]
    fn a_short_key_is_refused_and_a_missing_one_allowed() {
        let error = SwarmKey::find(None, Some("secret\n".as_ref())).unwrap_err().to_string();
        assert!(error.contains("at least 16 characters") && !error.contains("secret"), "{error}");
        assert!(SwarmKey::find(None, None).unwrap().is_none());
        let error = SwarmKey::find(Some(Path::new("/nowhere/key")), None).unwrap_err().to_string();
        assert!(error.contains("/nowhere/key"), "{error}");
    }

    #[test]
    fn the_close_reason_names_the_side_without_a_key() {
        let (ours, other) = (key("0123456789abcdef"), key("0123456789abcdeg"));
        let reported = |coordinator: Option<&SwarmKey>, agent: Option<&SwarmKey>| {
            let proof = prove(coordinator, Role::Coordinator, &[1; 32]);
            KeyMismatch::from_reason(KeyMismatch::of(agent, &[1; 32], &proof).reason().as_bytes())
        };
        assert_eq!(reported(Some(&ours), Some(&other)), KeyMismatch::Different);
        assert_eq!(reported(None, Some(&other)), KeyMismatch::CoordinatorHasNone);
        assert_eq!(reported(Some(&ours), None), KeyMismatch::AgentHasNone);
        assert_eq!(KeyMismatch::from_reason(b"any other"), KeyMismatch::Different);
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", key("0123456789abcdef")), "SwarmKey(..)");
    }
}
