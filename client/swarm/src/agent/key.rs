//! The key that a coordinator and its agents share, and how each proves to the other that it has it.
//!
//! An agent sends load wherever it is told to, so it must not take orders from anybody. Certificates would need an authority, or a hash
//! carried from machine to machine; a shared key is one file. The proof is an HMAC over keying material that both ends of one TLS
//! connection export, and nobody else can: whoever stands in the middle has two connections, whose material differs, and cannot pass
//! a proof from one to the other. The role is in it too, so that a proof cannot be sent back to whoever made it.

use std::{
    fmt, fs,
    io::{self, Read},
    path::Path,
};

use ring::hmac;

/// Where the key is looked for when no file is named. Not on the command line, which every process of a machine can read.
pub const KEY_VARIABLE: &str = "QUARREL_SWARM_KEY";

/// A proof may be taken home and guessed at, so short keys are no keys: 16 characters of base64 are 96 bits.
const LEAST_BYTES: usize = 16;

/// Larger files are no keys.
const FILE_BYTES: u64 = 64 * 1024;

/// What both ends of a connection export; its label names its only use, as RFC 5705 wants it.
const BINDING_LABEL: &[u8] = b"EXPORTER-quarrel-swarm-key";

pub(super) const PROOF_BYTES: usize = 32;
pub(super) type Binding = [u8; 32];
pub(super) type Proof = [u8; PROOF_BYTES];

/// A shared key.
#[derive(Clone)]
pub struct Key(hmac::Key);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key in {path} cannot be read: {error}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// It can be guessed.
    #[error(
        "a key has at least {LEAST_BYTES} characters, and this one {0}: `head -c 32 /dev/urandom | base64` makes a good one"
    )]
    Short(usize),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// From these bytes; white space around them does not count, since editors put it there.
    ///
    /// # Errors
    /// When they are too few.
    pub fn new(secret: &[u8]) -> Result<Self, KeyError> {
        let secret = secret.trim_ascii();
        if secret.len() < LEAST_BYTES {
            return Err(KeyError::Short(secret.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// From a file.
    ///
    /// # Errors
    /// When it cannot be read, or holds too little.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |error| KeyError::Unreadable { path: path.display().to_string(), error };
        let mut secret = Vec::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES).read_to_end(&mut secret).map_err(unreadable)?;
        Self::new(&secret)
    }

    /// From the file if one is named, or else from what the environment says.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn find(file: Option<&Path>, variable: Option<&str>) -> Result<Option<Self>, KeyError> {
        match (file, variable.filter(|secret| !secret.is_empty())) {
            (Some(path), _) => Self::read(path).map(Some),
            (None, Some(secret)) => Self::new(secret.as_bytes()).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Who proves.
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

    fn statement(self, binding: &Binding) -> Vec<u8> {
        [self.label(), binding].concat()
    }
}

/// What only the two ends of this connection know.
pub(super) fn binding(connection: &quinn::Connection) -> Option<Binding> {
    let mut binding = [0; 32];
    connection.export_keying_material(&mut binding, BINDING_LABEL, b"").ok().map(|()| binding)
}

/// Proves that this side has the key.
pub(super) fn prove(key: Option<&Key>, role: Role, binding: &Binding) -> Proof {
    let mut proof = [0; PROOF_BYTES];
    proof.copy_from_slice(hmac::sign(&known(key), &role.statement(binding)).as_ref());
    proof
}

/// Whether the other side has the same; takes as long for a proof that is nearly right as for one that is all wrong.
pub(super) fn is_proven(key: Option<&Key>, role: Role, binding: &Binding, proof: &Proof) -> bool {
    hmac::verify(&known(key), &role.statement(binding), proof).is_ok()
}

/// In what way two sides do not have the same key, as the coordinator has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Both have one.
    Other,
    /// The coordinator has none.
    NoneHere,
    /// The agent has none.
    NoneThere,
}

impl Mismatch {
    /// What an agent may tell of a proof that does not hold: whether a key is missing, and nothing of the key itself.
    pub(super) fn of(agents: Option<&Key>, binding: &Binding, proof: &Proof) -> Self {
        match agents {
            None => Self::NoneThere,
            Some(_) if is_proven(None, Role::Coordinator, binding, proof) => Self::NoneHere,
            Some(_) => Self::Other,
        }
    }

    /// As it is told.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Other => "",
            Self::NoneHere => "you have no key",
            Self::NoneThere => "i have no key",
        }
    }

    /// What was told, by whoever it may be.
    pub(super) fn told(reason: &[u8]) -> Self {
        let is_told = |mismatch: &Self| mismatch.reason().as_bytes() == reason;
        [Self::NoneHere, Self::NoneThere].into_iter().find(is_told).unwrap_or(Self::Other)
    }

    /// The end of a sentence that begins with the agent.
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::Other => "it has another key",
            Self::NoneHere => "it has a key, and here none was given",
            Self::NoneThere => "it has no key, and here one was given",
        }
    }
}

/// Without a key, which is good on one machine alone, everybody has the same one.
fn known(key: Option<&Key>) -> hmac::Key {
    key.map_or_else(|| hmac::Key::new(hmac::HMAC_SHA256, b""), |key| key.0.clone())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn key(secret: &str) -> Key {
        Key::new(secret.as_bytes()).unwrap()
    }

    #[test]
    fn a_proof_holds_for_its_key_its_role_and_its_connection_alone() {
        let (ours, other) = (key("0123456789abcdef"), key("0123456789abcdeg"));
        let proof = prove(Some(&ours), Role::Agent, &[1; 32]);
        assert!(is_proven(Some(&ours), Role::Agent, &[1; 32], &proof));
        assert!(!is_proven(Some(&other), Role::Agent, &[1; 32], &proof));
        assert!(!is_proven(None, Role::Agent, &[1; 32], &proof));
        assert!(!is_proven(Some(&ours), Role::Coordinator, &[1; 32], &proof), "it cannot be sent back");
        assert!(!is_proven(Some(&ours), Role::Agent, &[2; 32], &proof), "nor sent on");
    }

    #[test]
    fn a_file_is_read_without_the_line_end_that_an_editor_put_there() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789abcdef\n").unwrap();
        let found = Key::find(Some(file.path()), Some("another key altogether")).unwrap().unwrap();
        let proof = prove(Some(&found), Role::Agent, &[1; 32]);
        assert!(is_proven(Some(&key("0123456789abcdef")), Role::Agent, &[1; 32], &proof));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused_and_none_is_none() {
        let error = Key::find(None, Some("secret\n")).unwrap_err().to_string();
        assert!(error.contains("at least 16 characters") && !error.contains("secret"), "{error}");
        assert!(Key::find(None, None).unwrap().is_none());
        let error = Key::find(Some(Path::new("/nowhere/key")), None).unwrap_err().to_string();
        assert!(error.contains("/nowhere/key"), "{error}");
    }

    #[test]
    fn whose_key_is_missing_is_told() {
        let (ours, other) = (key("0123456789abcdef"), key("0123456789abcdeg"));
        let told = |coordinator: Option<&Key>, agent: Option<&Key>| {
            let proof = prove(coordinator, Role::Coordinator, &[1; 32]);
            Mismatch::told(Mismatch::of(agent, &[1; 32], &proof).reason().as_bytes())
        };
        assert_eq!(told(Some(&ours), Some(&other)), Mismatch::Other);
        assert_eq!(told(None, Some(&other)), Mismatch::NoneHere);
        assert_eq!(told(Some(&ours), None), Mismatch::NoneThere);
        assert_eq!(Mismatch::told(b"whatever"), Mismatch::Other);
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", key("0123456789abcdef")), "Key(..)");
    }
}
