//! The types of keys that a certificate may have: those that the cryptography library can sign with.

use x509_parser::{public_key::PublicKey, x509::SubjectPublicKeyInfo};

/// The accepted types of keys, for error messages. [`unsupported_key_type`] accepts the same.
pub(super) const ACCEPTED: &str = "ECDSA P-256, ECDSA P-384, Ed25519, and RSA with 2048 to 4096 bits";

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const ED25519: &str = "1.3.101.112";

/// The names of other types and curves by their object identifier.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.10040.4.1", "DSA"),
];

/// Returns the type of a certificate's key, with its curve or size, when it is not supported.
pub(super) fn unsupported_key_type(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let algorithm = key.algorithm.algorithm.to_id_string();
    match algorithm.as_str() {
        ED25519 => None,
        EC => {
            let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            let curve = curve.map(|curve| curve.to_id_string());
            match curve.as_deref() {
                Some(P256 | P384) => None,
                Some(curve) => Some(format!("ECDSA {}", name(curve))),
                None => Some("ECDSA with a curve that has no name".to_owned()),
            }
        }
        RSA => match key.parsed() {
            // The range of ring, which signs.
            Ok(PublicKey::RSA(rsa)) if (2048..=4096).contains(&rsa.key_size()) => None,
            Ok(PublicKey::RSA(rsa)) => Some(format!("RSA with {} bits", rsa.key_size())),
            _ => Some("RSA in an unknown form".to_owned()),
        },
        other => Some(name(other)),
    }
}

fn name(identifier: &str) -> String {
    let known = UNSUPPORTED.iter().find(|(known, _)| *known == identifier);
    known.map_or_else(|| format!("with the object identifier {identifier}"), |(_, name)| (*name).to_owned())
}
