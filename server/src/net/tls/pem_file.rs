//! PEM files of an operator: reads certificates and private keys, and names the fault of a file that has neither.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

/// A failure to read a certificate or a key from a PEM file.
#[derive(Debug, thiserror::Error)]
pub enum PemFileError {
    /// The file could not be read.
    #[error("cannot read {}: {source}; check the path and the file's permissions", path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file does not hold the expected item.
    #[error("{} {fault}; {} takes a PEM file with a section BEGIN {}", path.display(), expected.setting(), expected.label())]
    Unusable {
        /// The path of the file.
        path: PathBuf,
        /// The fault of the file.
        fault: PemFault,
        /// The item that the file should hold.
        expected: PemItem,
    },
}

/// An item that a PEM file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemItem {
    /// A certificate chain.
    Certificate,
    /// The private key of a certificate.
    PrivateKey,
}

/// The fault of a file. The message continues a sentence that starts with the path.
#[derive(Debug, thiserror::Error)]
pub enum PemFault {
    /// The file has no content.
    #[error("is empty")]
    Empty,
    /// The file is UTF-16 text, as some Windows programs write.
    #[error("is UTF-16 text: save it as UTF-8")]
    Utf16,
    /// The file is DER or PKCS #12, complete or not.
    #[error("is a binary file: convert DER with `openssl {0}`, and PKCS #12 with `openssl pkcs12`")]
    Binary(String),
    /// The private key needs a passphrase.
    #[error("holds an encrypted private key: decrypt it with `openssl pkey -in {0} -out key.pem`")]
    Encrypted(String),
    /// The last section has no end.
    #[error("is cut off: the line -----END {0}----- is missing")]
    Cut(String),
    /// The file is a damaged PEM file.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// The file holds the other item.
    #[error("holds no {0} but a {1}: net.cert and net.key may be exchanged")]
    Exchanged(PemItem, PemItem),
    /// The file holds other sections only, or none.
    #[error("holds no {expected}, and these sections: {}", if found.is_empty() { "none" } else { found })]
    Missing {
        /// The item that the file should hold.
        expected: PemItem,
        /// The labels of the sections in the file.
        found: String,
    },
}

/// Reads all certificates of a file.
///
/// # Errors
/// When the file cannot be read, is damaged, or has no certificate.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemFileError> {
    let text = read(path, PemItem::Certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    chain
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|error| unusable(path, PemItem::Certificate, &text, error))
}

/// Reads the first private key of a file.
///
/// # Errors
/// When the file cannot be read, is damaged, or has no private key that is not encrypted.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemFileError> {
    let text = read(path, PemItem::PrivateKey)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| unusable(path, PemItem::PrivateKey, &text, error))
}

/// Reads a file that is not empty. A byte order mark, which Windows editors write, is not part of the result.
fn read(path: &Path, expected: PemItem) -> Result<Vec<u8>, PemFileError> {
    let mut text =
        std::fs::read(path).map_err(|source| PemFileError::Unreadable { path: path.to_owned(), source })?;
    if text.starts_with(b"\xEF\xBB\xBF") {
        text.drain(..3);
    }
    let fault = if text.trim_ascii().is_empty() {
        PemFault::Empty
    } else if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") {
        PemFault::Utf16
    } else {
        return Ok(text);
    };
    Err(PemFileError::Unusable { path: path.to_owned(), fault, expected })
}

/// Finds the fault of a file that the parser refused with this error.
fn unusable(path: &Path, expected: PemItem, text: &[u8], error: pem::Error) -> PemFileError {
    let (labels, name) = (labels(text), path.display().to_string());
    let fault = match error {
        // In an older format, the encryption is a header inside of the section, which the parser takes for damage.
        _ if expected == PemItem::PrivateKey && String::from_utf8_lossy(text).contains("ENCRYPTED") => {
            PemFault::Encrypted(name)
        }
        pem::Error::MissingSectionEnd { end_marker } => PemFault::Cut(lossy(&end_marker)),
        pem::Error::IllegalSectionStart { line } => {
            PemFault::Damaged(format!("the line {} is incomplete", lossy(&line)))
        }
        pem::Error::Base64Decode(_) => PemFault::Damaged("a section is not valid base64".to_owned()),
        pem::Error::NoItemsFound if text.starts_with(DER_SEQUENCE) => PemFault::Binary(match expected {
            PemItem::Certificate => format!("x509 -inform der -in {name} -out cert.pem"),
            PemItem::PrivateKey => format!("pkey -inform der -in {name} -out key.pem"),
        }),
        pem::Error::NoItemsFound if labels.iter().any(|label| expected.other().is_label(label)) => {
            PemFault::Exchanged(expected, expected.other())
        }
        pem::Error::NoItemsFound => PemFault::Missing { expected, found: labels.join(", ") },
        other => PemFault::Damaged(other.to_string()),
    };
    PemFileError::Unusable { path: path.to_owned(), fault, expected }
}

/// The first byte of each DER certificate, DER key and PKCS #12 file.
const DER_SEQUENCE: &[u8] = &[0x30];

/// Returns the labels of all sections, such as `CERTIFICATE`.
fn labels(text: &[u8]) -> Vec<String> {
    let label = |line: &[u8]| {
        let label = line.trim_ascii().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        Some(lossy(label))
    };
    text.split(|byte| matches!(byte, b'\n' | b'\r')).filter_map(label).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

impl PemItem {
    const fn other(self) -> Self {
        match self {
            Self::Certificate => Self::PrivateKey,
            Self::PrivateKey => Self::Certificate,
        }
    }

    /// The configuration key and the flag of the file that holds the item.
    const fn setting(self) -> &'static str {
        match self {
            Self::Certificate => "net.cert (--cert)",
            Self::PrivateKey => "net.key (--key)",
        }
    }

    /// The end of the item's section labels: a key's label may start with its algorithm.
    const fn label(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::PrivateKey => "PRIVATE KEY",
        }
    }

    /// Whether a section with this label holds the item.
    fn is_label(self, label: &str) -> bool {
        label.ends_with(self.label())
    }
}

impl fmt::Display for PemItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::PrivateKey => "private key",
        })
    }
}
