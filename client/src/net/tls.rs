//! Whom a client takes for its server.
//!
//! A development server has a certificate that nobody signed, so there are three ways: believe anybody on this very
//! machine, pin the certificate's hash, or ask for a chain to given roots.

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

/// Which certificates are good.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Any, but only from a loopback address: whoever answers there runs on this machine already.
    Loopback,
    /// The one whose DER has this SHA-256.
    CertificateHash([u8; 32]),
    /// Those that chain to one of these roots and name the server.
    Roots(Arc<RootCertStore>),
}

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Any certificate was to do, from a machine that is not this one.
    #[error("{0} is not a loopback address: name the certificate's hash or the roots to trust")]
    NotLoopback(SocketAddr),
    /// The file of roots cannot be read.
    #[error("the roots in {path} cannot be read: {error:?}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What is wrong with it.
        error: rustls_pki_types::pem::Error,
    },
    /// The file was read and holds no certificate that can serve as a root.
    #[error("there is no usable certificate in {0}")]
    NoRoots(String),
    /// rustls does not take the settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl Trust {
    /// The roots in a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn roots(path: &Path) -> Result<Self, TrustError> {
        let unreadable = |error| TrustError::Unreadable { path: path.display().to_string(), error };
        Self::roots_of(CertificateDer::pem_file_iter(path).map_err(unreadable)?, path)
    }

    /// The same from PEM that was read already; `from` is what an error calls it.
    ///
    /// # Errors
    /// As [`Self::roots`].
    pub fn roots_in(pem: &[u8], from: &Path) -> Result<Self, TrustError> {
        Self::roots_of(CertificateDer::pem_slice_iter(pem), from)
    }

    fn roots_of<'a>(
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

    /// The verifier for a server at this address.
    fn verifier(&self, server: SocketAddr) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
        let provider = Arc::new(ring::default_provider());
        match self {
            Self::Loopback if !server.ip().to_canonical().is_loopback() => {
                Err(TrustError::NotLoopback(server))
            }
            Self::Loopback => Ok(Arc::new(Pinned { hash: None, provider })),
            Self::CertificateHash(hash) => Ok(Arc::new(Pinned { hash: Some(*hash), provider })),
            Self::Roots(roots) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider).build();
                verifier.map(|verifier| verifier as _).map_err(|error| TrustError::Tls(error.to_string()))
            }
        }
    }
}

/// TLS for connections to a server at this address: 1.3 alone, our ALPN, every handshake a full one.
///
/// # Errors
/// When `trust` does not do for this address.
pub(crate) fn client_config(trust: &Trust, server: SocketAddr) -> Result<ClientConfig, TrustError> {
    config(trust.verifier(server)?, ALPN)
}

/// The same for a peer who is known by something else than a certificate: any is accepted, so whoever uses this must ask for a proof
/// that is bound to the connection.
///
/// # Errors
/// When rustls does not take the settings.
pub fn unverified_config(alpn: &[u8]) -> Result<ClientConfig, TrustError> {
    config(Arc::new(Pinned { hash: None, provider: Arc::new(ring::default_provider()) }), alpn)
}

fn config(verifier: Arc<dyn ServerCertVerifier>, alpn: &[u8]) -> Result<ClientConfig, TrustError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| TrustError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    // Resumed handshakes would make a thousand bots of one process look cheaper than a thousand players.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Accepts one certificate, or any. The handshake's signature is checked either way: the peer must own what it shows.
#[derive(Debug)]
struct Pinned {
    hash: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
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

    fn verdict(trust: &Trust, certificate: &CertificateDer<'_>) -> Result<ServerCertVerified, Error> {
        let verifier = trust.verifier(SocketAddr::from(([127, 0, 0, 1], 7777))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now())
    }

    #[test]
    fn anybody_is_trusted_on_loopback_and_nowhere_else() {
        assert!(verdict(&Trust::Loopback, &certificate()).is_ok());
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 7777));
        assert!(matches!(Trust::Loopback.verifier(elsewhere), Err(TrustError::NotLoopback(_))));
        let mapped = "[::ffff:127.0.0.1]:7777".parse().unwrap();
        assert!(Trust::Loopback.verifier(mapped).is_ok(), "an IPv4 loopback may come written as IPv6");
    }

    #[test]
    fn a_pinned_hash_lets_its_own_certificate_pass_and_no_other() {
        let ours = certificate();
        let trust = Trust::CertificateHash(sha256(&ours));
        assert!(verdict(&trust, &ours).is_ok());
        assert!(verdict(&trust, &certificate()).is_err());
    }

    #[test]
    fn a_file_without_certificates_gives_no_roots() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Trust::roots(file.path()), Err(TrustError::NoRoots(_))));
    }
}
