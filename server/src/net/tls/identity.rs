//! The server's identity: a certificate chain and its private key.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SerialNumber, date_time_ymd};
use ring::digest;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::data_dir::DataDirError;

/// A certificate chain together with its matching private key.
#[derive(Debug)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    valid_until: SystemTime,
}

/// A failure to load or create an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read.
    #[error("cannot read {}: {source}; check the path and the file's permissions", path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is not a PEM file, or is damaged.
    #[error("{} is not a PEM file: {source}", path.display())]
    Pem {
        /// The path of the file.
        path: PathBuf,
        /// The parser's error.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{} holds no certificate: net.cert (--cert) takes a PEM file with a section BEGIN CERTIFICATE", path.display())]
    NoCertificate {
        /// The path of the file.
        path: PathBuf,
    },
    /// A file holds no private key.
    #[error("{} holds no private key: net.key (--key) takes a PEM file with a section BEGIN PRIVATE KEY", path.display())]
    NoKey {
        /// The path of the file.
        path: PathBuf,
    },
    /// The certificate and the key do not match.
    #[error("the key in {} is not the key of the certificate in {}; the server's own certificate must be the first", key.display(), cert.display())]
    Mismatch {
        /// The path of the certificate.
        cert: PathBuf,
        /// The path of the key.
        key: PathBuf,
    },
    /// The type of the certificate or of the key is not supported.
    #[error("cannot use this certificate or key: {0}")]
    Unusable(String),
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
        let chain = chain(cert)?;
        let private = match PrivateKeyDer::from_pem_slice(&bytes(key)?) {
            Ok(private) => private,
            Err(pem::Error::NoItemsFound) => return Err(IdentityError::NoKey { path: key.to_owned() }),
            Err(source) => return Err(IdentityError::Pem { path: key.to_owned(), source }),
        };
        Self::new(chain, &private).map_err(|error| match error {
            PairError::Mismatch => IdentityError::Mismatch { cert: cert.to_owned(), key: key.to_owned() },
            PairError::Unusable(reason) => IdentityError::Unusable(reason),
        })
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
        let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())
            .map_err(|error| IdentityError::Unusable(error.to_string()))?;
        Self::new(vec![certificate.der().clone()], &private).map_err(|error| match error {
            PairError::Mismatch => IdentityError::Unusable("the key does not match the certificate".into()),
            PairError::Unusable(reason) => IdentityError::Unusable(reason),
        })
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

    /// The end of the validity of the server's own certificate.
    pub fn valid_until(&self) -> SystemTime {
        self.valid_until
    }

    /// The chain and the key in the form in which rustls uses them.
    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    fn new(chain: Vec<CertificateDer<'static>>, private: &PrivateKeyDer<'_>) -> Result<Self, PairError> {
        let unusable = |error: &dyn ToString| PairError::Unusable(error.to_string());
        let own =
            chain.first().ok_or_else(|| PairError::Unusable("the certificate chain is empty".into()))?;
        let (_, parsed) = X509Certificate::from_der(own).map_err(|error| unusable(&error))?;
        let valid_until = from_unix(parsed.validity().not_after.timestamp());
        let signing = any_supported_type(private).map_err(|error| unusable(&error))?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) => Ok(Self { certified: Arc::new(certified), valid_until }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(PairError::Mismatch),
            Err(error) => Err(unusable(&error)),
        }
    }
}

/// A reason why a chain and a key do not form an identity.
enum PairError {
    Mismatch,
    Unusable(String),
}

/// Reads the certificates of a PEM file.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(path)?).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(IdentityError::NoCertificate { path: path.to_owned() }),
        Ok(chain) => Ok(chain),
        Err(source) => Err(IdentityError::Pem { path: path.to_owned(), source }),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| IdentityError::Unreadable { path: path.to_owned(), source })
}

/// Converts seconds since 1970; the year 1970 if the system cannot represent the time.
fn from_unix(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
