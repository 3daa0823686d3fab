//! TLS for players' connections: the server's certificate and the TLS configuration.
//!
//! The server offers TLS 1.3 only, with one ALPN protocol and without early data, because it does nothing for a peer before the handshake
//! is complete. The certificate can change while the server runs: each handshake reads it from a resolver, and a renewal replaces it there.
//!
//! - [`identity`]: a certificate chain with its private key, from PEM files or in memory.
//! - [`development`]: the self-signed certificate of a server without a configured certificate.
//! - [`validity`]: the period in which a certificate is valid.
//! - [`pem_file`]: reading of an operator's files, with a sentence for each fault.
//! - `key_type`: the types of keys that a certificate may have.

pub mod development;
pub mod identity;
mod key_type;
pub mod pem_file;
pub mod validity;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, cipher_suite};
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use tracing::{error, warn};

use crate::config::NetConfig;
use crate::data_dir::DataDir;
use crate::wall_clock::utc;
use identity::{Identity, IdentityError};

/// The remaining validity below which the log warns of the end of an operator's certificate. It is two weeks, because the programs that
/// renew certificates of 90 days do so when 30 days are left: half of that time has then passed in vain.
pub const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// The ALPN protocol name of Quarrel's connections.
pub const ALPN: &[u8] = b"quarrel/1";

/// The current certificate and the TLS configuration that presents it.
#[derive(Debug)]
pub struct ServerTls {
    resolver: Arc<Resolver>,
    source: Source,
    /// Held during a renewal: two at the same time could store the key of one certificate beside the other certificate.
    renewal: Mutex<()>,
    config: Arc<rustls::ServerConfig>,
}

/// A failure to set up TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no usable certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The TLS library rejected the configuration, which is a defect of this server.
    #[error("invalid TLS configuration: {0}")]
    Config(#[from] rustls::Error),
}

/// The origin of the certificate, which also decides its renewal.
#[derive(Debug)]
enum Source {
    /// The operator's files, renewed by another program.
    Files { cert: PathBuf, key: PathBuf },
    /// The development certificate in the data directory, renewed by this server.
    Development(DataDir),
    /// A certificate that exists only in memory and is never renewed.
    Memory,
}

impl ServerTls {
    /// Loads the operator's certificate if the configuration has one. Otherwise loads the development certificate from the data directory,
    /// or creates it.
    ///
    /// # Errors
    /// When the operator's certificate is not usable or not valid at this time, or when the development certificate cannot be created or stored.
    pub fn open(net: &NetConfig, dir: &DataDir, now: SystemTime) -> Result<Self, TlsError> {
        if let (Some(cert), Some(key)) = (&net.cert, &net.key) {
            let identity = Identity::read(cert, key)?;
            identity.check_validity(cert, now)?;
            Self::new(identity, Source::Files { cert: cert.clone(), key: key.clone() })
        } else {
            let identity = development::open(dir, now)?;
            Self::new(identity, Source::Development(dir.clone()))
        }
    }

    /// Creates a certificate for tests and simulations: not stored, valid from 2000 to 2100, with signatures of a fixed size.
    ///
    /// # Errors
    /// When the certificate cannot be created.
    pub fn in_memory() -> Result<Self, TlsError> {
        Self::new(Identity::in_memory()?, Source::Memory)
    }

    /// The TLS configuration for the endpoint. It stays valid when the certificate changes.
    pub fn config(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The current certificate, for clients that trust only this certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.resolver.0.load().certificate().clone()
    }

    /// The SHA-256 of the current certificate in hexadecimal, which clients pin.
    pub fn certificate_sha256(&self) -> String {
        self.resolver.0.load().sha256()
    }

    /// The end of the current certificate's validity.
    pub fn valid_until(&self) -> SystemTime {
        self.resolver.0.load().validity().until()
    }

    /// Returns true if the certificate can be renewed while the server runs; false for one in memory.
    pub fn is_renewable(&self) -> bool {
        !matches!(self.source, Source::Memory)
    }

    /// Replaces the development certificate by a new one if it is due for renewal, or reads the operator's files again. Returns whether the
    /// certificate has changed. Blocks on file I/O, so call this from a thread that may block.
    ///
    /// # Errors
    /// When the new certificate cannot be read or created, or is not valid at this time. The old one then stays current.
    pub fn renew_if_due(&self, now: SystemTime) -> Result<bool, TlsError> {
        let _renewal = self.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.resolver.0.load_full();
        let newer = match &self.source {
            Source::Memory => return Ok(false),
            // The current certificate may have expired, which is not an error of a renewal.
            Source::Files { cert, key } => {
                let read = Identity::read(cert, key)?;
                if !read.has_chain_of(&current) {
                    read.check_validity(cert, now)?;
                }
                read
            }
            Source::Development(_) if !development::is_due(current.validity(), now) => return Ok(false),
            Source::Development(dir) => development::open(dir, now)?,
        };
        let changed = !newer.has_chain_of(&current);
        if changed {
            self.resolver.0.store(Arc::new(newer));
        }
        Ok(changed)
    }

    /// Logs a warning when an operator's certificate expires in less than [`WARN_BEFORE`], and an error when it has expired. A development
    /// certificate is renewed by this server, and its failures are logged then.
    pub fn log_expiry(&self, now: SystemTime) {
        let Source::Files { cert, .. } = &self.source else { return };
        let validity = self.resolver.0.load().validity();
        let (left, file, expires) = (validity.remaining(now), cert.display(), utc(validity.until()));
        if left.is_zero() {
            error!(%file, expires, "certificate has expired, clients refuse to connect: install a renewed one");
        } else if left < WARN_BEFORE {
            let days = left.as_secs() / 86_400;
            warn!(%file, expires, days, "certificate expires in less than 14 days, install a renewed one");
        }
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
        Ok(Self { resolver, source, renewal: Mutex::new(()), config: Arc::new(config) })
    }
}

/// Returns ring's cryptography with AES-128 as the preferred cipher: servers have AES in hardware, and each packet costs an encryption.
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

/// Presents the current certificate to all clients, regardless of the server name in their hello.
#[derive(Debug)]
struct Resolver(ArcSwap<Identity>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified())
    }
}

#[cfg(test)]
mod tests;
