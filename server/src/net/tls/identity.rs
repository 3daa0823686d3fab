//! The server's identity: a certificate chain and its private key.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SerialNumber, date_time_ymd};
use ring::digest;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::key_type::{ACCEPTED, unsupported_key_type};
use super::pem_file::{self, PemFileError};
use super::validity::{Validity, ValidityError};
use crate::data_dir::DataDirError;

/// A certificate chain together with its matching private key.
#[derive(Debug)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    validity: Validity,
}

/// A failure to load or create an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file does not hold a certificate or a key.
    #[error(transparent)]
    File(#[from] PemFileError),
    /// The certificate and the key do not match.
    #[error("the key in {} is not the key of the certificate in {}; the server's own certificate must be the first", key.display(), cert.display())]
    Mismatch {
        /// The path of the certificate.
        cert: PathBuf,
        /// The path of the key.
        key: PathBuf,
    },
    /// The server's own certificate cannot be parsed.
    #[error("the certificate in {} is damaged, cut off, or not of X.509 version 3 ({reason}); install it again", cert.display())]
    Certificate {
        /// The path of the certificate.
        cert: PathBuf,
        /// The parser's error.
        reason: String,
    },
    /// The certificate has a key of a type that is not supported.
    #[error("the certificate in {} has a key of the type {key_type}, which is not supported; accepted are {ACCEPTED}", cert.display())]
    KeyType {
        /// The path of the certificate.
        cert: PathBuf,
        /// The type of the key, with its curve or size.
        key_type: String,
    },
    /// The private key cannot be parsed.
    #[error("the private key in {} is damaged, or of a type that is not supported; accepted are {ACCEPTED}", key.display())]
    Key {
        /// The path of the key.
        key: PathBuf,
    },
    /// The certificate is not valid now.
    #[error("the certificate in {} {source}", cert.display())]
    NotValid {
        /// The path of the certificate.
        cert: PathBuf,
        /// The end of the validity that was passed.
        source: ValidityError,
    },
    /// A self-signed certificate could not be created.
    #[error("cannot create a certificate: {0}")]
    Create(#[from] rcgen::Error),
    /// The development certificate could not be stored.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl Identity {
    /// Reads the certificate chain from one PEM file, in which the server's own certificate comes first, and its private key from another.
    ///
    /// # Errors
    /// When a file cannot be read or parsed, or when the key does not match the certificate.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, IdentityError> {
        let (chain, private) = (pem_file::certificates(cert)?, pem_file::private_key(key)?);
        Self::new(chain, &private).map_err(|error| match error {
            PairError::Certificate(reason) => IdentityError::Certificate { cert: cert.to_owned(), reason },
            PairError::KeyType(key_type) => IdentityError::KeyType { cert: cert.to_owned(), key_type },
            PairError::Key => IdentityError::Key { key: key.to_owned() },
            PairError::Mismatch => IdentityError::Mismatch { cert: cert.to_owned(), key: key.to_owned() },
        })
    }

    /// Checks that the certificate, which was read from the file `cert`, is valid at this time.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_validity(&self, cert: &Path, now: SystemTime) -> Result<(), IdentityError> {
        let checked = self.validity.check(now);
        checked.map_err(|source| IdentityError::NotValid { cert: cert.to_owned(), source })
    }

    /// Creates an Ed25519 identity in memory. Its certificate and its signatures have a fixed size, so that simulated handshakes have
    /// packets of a fixed size too.
    pub(super) fn in_memory() -> Result<Self, IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let mut params = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2100, 1, 1);
        params.serial_number = Some(SerialNumber::from(1));
        let certificate = params.self_signed(&key)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Self::new(vec![certificate.der().clone()], &private)
            .map_err(|_| IdentityError::Create(rcgen::Error::CouldNotParseCertificate))
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        // `new` rejects an empty chain.
        &self.certified.cert[0]
    }

    /// The SHA-256 of the server's own certificate, in hexadecimal.
    pub fn sha256(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.certificate());
        digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The validity of the server's own certificate.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether both have the same chain. The keys are then the same too, because each matches the first certificate of its chain.
    pub fn has_chain_of(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }

    /// The chain and the key in the form in which rustls uses them.
    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    fn new(chain: Vec<CertificateDer<'static>>, private: &PrivateKeyDer<'_>) -> Result<Self, PairError> {
        let damaged = |error: &dyn ToString| PairError::Certificate(error.to_string());
        let own = chain.first().ok_or_else(|| damaged(&"the chain is empty"))?;
        let (_, parsed) = X509Certificate::from_der(own).map_err(|error| damaged(&error))?;
        let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
        let validity = Validity::from_unix(from.timestamp(), until.timestamp());
        if let Some(key_type) = unsupported_key_type(parsed.public_key()) {
            return Err(PairError::KeyType(key_type));
        }
        let signing = any_supported_type(private).map_err(|_| PairError::Key)?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) => Ok(Self { certified: Arc::new(certified), validity }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(PairError::Mismatch),
            Err(error) => Err(damaged(&error)),
        }
    }
}

/// A reason why a chain and a key do not form an identity.
enum PairError {
    Certificate(String),
    KeyType(String),
    Key,
    Mismatch,
}

#[cfg(test)]
mod tests;
