//! TLS of the players' plane: which certificate we show, and the terms on which we talk.
//!
//! TLS 1.3 alone, one ALPN, no early data (nothing is done for a peer before its handshake is complete).
//! The certificate can change while the server runs: handshakes ask a resolver, and renewal swaps what it holds.
//!
//! - [`identity`]: a certificate chain with its key, from PEM files or from memory.
//! - [`development`]: the certificate that a server without one makes for itself.

pub mod development;
pub mod identity;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, cipher_suite};
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;

use crate::config::NetConfig;
use crate::data_dir::DataDir;
use identity::{Identity, IdentityError};

/// The protocol that we speak, as TLS negotiates it.
pub const ALPN: &[u8] = b"quarrel/1";

/// The certificate in force and the TLS configuration that shows it.
#[derive(Debug)]
pub struct ServerTls {
    resolver: Arc<Resolver>,
    source: Source,
    config: Arc<rustls::ServerConfig>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate to show.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The TLS library refused our terms: a fault of ours.
    #[error("TLS configuration: {0}")]
    Terms(#[from] rustls::Error),
}

/// Where a newer certificate would come from.
#[derive(Debug)]
enum Source {
    /// The operator's files, which something else renews.
    Files { cert: PathBuf, key: PathBuf },
    /// Our own, which we renew.
    Development(DataDir),
    /// Nowhere.
    Memory,
}

impl ServerTls {
    /// The operator's certificate where the configuration names one, else our own from the data directory.
    pub fn open(net: &NetConfig, dir: &DataDir, now: SystemTime) -> Result<Self, TlsError> {
        if let (Some(cert), Some(key)) = (&net.cert, &net.key) {
            let identity = Identity::read(cert, key)?;
            Self::new(identity, Source::Files { cert: cert.clone(), key: key.clone() })
        } else {
            let identity = development::open(dir, now)?;
            Self::new(identity, Source::Development(dir.clone()))
        }
    }

    /// A certificate for tests and simulations: no disk, valid for this century, signatures of one size.
    pub fn in_memory() -> Result<Self, TlsError> {
        Self::new(Identity::in_memory()?, Source::Memory)
    }

    /// The terms, for the endpoint; they stay right when the certificate changes.
    pub fn config(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The certificate in force, for clients that trust it alone.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.resolver.0.load().certificate().clone()
    }

    /// SHA-256 of the certificate in force, in hexadecimal: what a client pins.
    pub fn certificate_sha256(&self) -> String {
        self.resolver.0.load().sha256()
    }

    /// Until when the certificate in force is valid.
    pub fn valid_until(&self) -> SystemTime {
        self.resolver.0.load().valid_until()
    }

    /// Whether it can become a newer one while the server runs: not when it is kept in memory.
    pub fn is_renewed(&self) -> bool {
        !matches!(self.source, Source::Memory)
    }

    /// Takes up a newer certificate where there is one or must be one; says whether it did.
    ///
    /// Our own is renewed when it is due; the operator's files are read again.
    /// After an error the old certificate stays in force. Reads and writes files, so not for a thread that must not wait.
    pub fn renew_if_due(&self, now: SystemTime) -> Result<bool, TlsError> {
        let newer = match &self.source {
            Source::Memory => return Ok(false),
            Source::Files { cert, key } => Identity::read(cert, key)?,
            Source::Development(_) if !development::is_due(self.valid_until(), now) => return Ok(false),
            Source::Development(dir) => development::open(dir, now)?,
        };
        let changed = newer.certificate() != &self.certificate();
        if changed {
            self.resolver.0.store(Arc::new(newer));
        }
        Ok(changed)
    }

    fn new(identity: Identity, source: Source) -> Result<Self, TlsError> {
        let resolver = Arc::new(Resolver(ArcSwap::from_pointee(identity)));
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Resolver>::clone(&resolver));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = true;
        // Without early data a resumed handshake saves no round trip, and tickets cost bytes and memory.
        config.send_tls13_tickets = 0;
        Ok(Self { resolver, source, config: Arc::new(config) })
    }
}

/// ring's, with the suites in our order: AES-128 first, for servers have AES in hardware and every packet pays for it.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..ring::default_provider()
    })
}

/// Shows the certificate in force, whatever name the client asks for.
#[derive(Debug)]
struct Resolver(ArcSwap<Identity>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified())
    }
}

#[cfg(test)]
mod tests;
