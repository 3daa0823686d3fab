//! TLS settings: the server certificates that a client trusts.
//!
//! A server without a domain has a self-signed certificate, so a chain to trusted roots is only one of three choices. The others are
//! to accept any certificate on this machine, and to accept the certificate with a known hash.

use std::{net::SocketAddr, path::Path, sync::Arc};

use quarrel_shared::protocol::ALPN;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

/// The server certificates that a client accepts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Any certificate, but only at a loopback address, because a server that answers there runs on this machine.
    Loopback,
    /// Only the certificate whose DER encoding has this SHA-256.
    CertificateHash([u8; 32]),
    /// Certificates with a chain to one of these roots and with the server's name.
    Roots(Arc<RootCertStore>),
}

/// Trust settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// [`Trust::Loopback`] with an address that is not loopback.
    #[error(
        "the server's address {0} is not a loopback address: name the certificate's hash or the roots to trust"
    )]
    NotLoopback(SocketAddr),
    /// A file of root certificates cannot be read or parsed.
    #[error("the root certificates in {path} cannot be read: {error:?}")]
    Unreadable {
        /// The file.
        path: String,
        /// The error of the PEM reader.
        error: rustls_pki_types::pem::Error,
    },
    /// A file contains no certificate that can serve as a root.
    #[error("{0} contains no certificate that can be used as a root")]
    NoRoots(String),
    /// rustls rejects the settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl Trust {
    /// Reads root certificates from a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or contains no usable certificate.
    pub fn load_roots(path: &Path) -> Result<Self, TrustError> {
        let unreadable = |error| TrustError::Unreadable { path: path.display().to_string(), error };
        Self::collect_roots(CertificateDer::pem_file_iter(path).map_err(unreadable)?, path)
    }

    /// Parses root certificates in PEM. `from` is the source's name in errors.
    ///
    /// # Errors
    /// As [`Self::load_roots`].
    pub fn parse_roots(pem: &[u8], from: &Path) -> Result<Self, TrustError> {
        Self::collect_roots(CertificateDer::pem_slice_iter(pem), from)
    }

    fn collect_roots<'a>(
        certificates: impl Iterator<Item = Result<CertificateDer<'a>, rustls_pki_types::pem::Error>>,
        from: &Path,
    ) -> Result<Self, TrustError> {
        let unreadable = |error| TrustError::Unreadable { path: from.display().to_string(), error };
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add_parsable_certificates([certificate.map_err(unreadable)?]);
        }
        if roots.is_empty() {
            return Err(TrustError::NoRoots(from.display().to_string()));
        }
        Ok(Self::Roots(Arc::new(roots)))
    }

    /// Creates the certificate verifier for a server at this address.
    fn verifier(&self, server: SocketAddr) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
        let provider = Arc::new(ring::default_provider());
        match self {
            Self::Loopback if !server.ip().to_canonical().is_loopback() => {
                Err(TrustError::NotLoopback(server))
            }
            Self::Loopback => Ok(Arc::new(HashVerifier { hash: None, provider })),
            Self::CertificateHash(hash) => Ok(Arc::new(HashVerifier { hash: Some(*hash), provider })),
            Self::Roots(roots) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider).build();
                verifier.map(|verifier| verifier as _).map_err(|error| TrustError::Tls(error.to_string()))
            }
        }
    }
}

/// Creates the TLS configuration for a server at this address: TLS 1.3, Quarrel's ALPN, no session resumption.
///
/// # Errors
/// When `trust` cannot be used with this address.
pub(crate) fn client_config(trust: &Trust, server: SocketAddr) -> Result<ClientConfig, TrustError> {
    config(trust.verifier(server)?, ALPN)
}

/// Creates a TLS configuration that accepts any certificate, for programs that authenticate the peer by other means, as the load
/// tester does with its agents. Such a program must require a proof that is bound to the connection.
///
/// # Errors
/// When rustls rejects the settings.
pub fn unverified_config(alpn: &[u8]) -> Result<ClientConfig, TrustError> {
    config(Arc::new(HashVerifier { hash: None, provider: Arc::new(ring::default_provider()) }), alpn)
}

fn config(verifier: Arc<dyn ServerCertVerifier>, alpn: &[u8]) -> Result<ClientConfig, TrustError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| TrustError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    // With TLS session resumption, a thousand bots of one process would cost the server less than a thousand players.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A verifier that accepts only the certificate with `hash`, or any certificate without a `hash`. The signature of the TLS handshake
/// is always checked: the peer must have the certificate's private key.
#[derive(Debug)]
struct HashVerifier {
    hash: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for HashVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.hash {
            Some(hash) if hash != sha256(end_entity) => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn sha256(certificate: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(::ring::digest::digest(&::ring::digest::SHA256, certificate).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> CertificateDer<'static> {
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.der().clone()
    }

    fn verify(trust: &Trust, certificate: &CertificateDer<'_>) -> Result<ServerCertVerified, Error> {
        let verifier = trust.verifier(SocketAddr::from(([127, 0, 0, 1], 7777))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now())
    }

    #[test]
    fn loopback_trust_accepts_any_certificate_at_a_loopback_address_and_no_other_address() {
        assert!(verify(&Trust::Loopback, &certificate()).is_ok());
        let other_machine = SocketAddr::from(([192, 0, 2, 1], 7777));
        assert!(matches!(Trust::Loopback.verifier(other_machine), Err(TrustError::NotLoopback(_))));
        let mapped = "[::ffff:127.0.0.1]:7777".parse().unwrap();
        assert!(
            Trust::Loopback.verifier(mapped).is_ok(),
            "an IPv4 loopback address mapped to IPv6 is a loopback address"
        );
    }

    #[test]
    fn a_pinned_hash_accepts_its_own_certificate_and_no_other() {
        let pinned = certificate();
        let trust = Trust::CertificateHash(sha256(&pinned));
        assert!(verify(&trust, &pinned).is_ok());
        assert!(verify(&trust, &certificate()).is_err());
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Trust::load_roots(file.path()), Err(TrustError::NoRoots(_))));
    }
}
