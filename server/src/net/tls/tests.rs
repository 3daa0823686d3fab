//! Tests of creating, storing, renewing and reading certificates, and of the handshake.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use quarrel_shared::arena::Arena;
use rcgen::{CertificateParams, KeyPair};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::*;
use crate::config::{self, GameDefaults, Sources};

const DAY: Duration = Duration::from_secs(86_400);

fn data_dir() -> (tempfile::TempDir, DataDir) {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::open(folder.path()).unwrap();
    (folder, dir)
}

fn net_config() -> NetConfig {
    let game = GameDefaults::of::<Arena>();
    config::load(&Sources::default(), &[game]).unwrap().net
}

/// Returns a fixed time in the past, because renewal must follow the time that the caller passes and not the system's clock.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + 20_000 * DAY
}

#[test]
fn a_development_certificate_is_created_once_and_stored() {
    let (_folder, dir) = data_dir();
    let first = ServerTls::open(&net_config(), &dir, noon()).unwrap();
    let second = ServerTls::open(&net_config(), &dir, noon() + DAY).unwrap();
    assert_eq!(first.certificate(), second.certificate());
    assert_eq!(first.certificate_sha256().len(), 64);
    for file in ["tls/cert.pem", "tls/key.pem"] {
        let mode = fs::metadata(dir.file(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only the owner may read {file}");
    }
}

#[test]
fn a_browser_can_pin_the_development_certificate() {
    let (_folder, dir) = data_dir();
    let tls = ServerTls::open(&net_config(), &dir, noon()).unwrap();
    let der = tls.certificate();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let validity =
        certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp();
    assert!(
        validity <= 14 * 86_400,
        "browsers reject a pinned certificate that is valid for more than 14 days"
    );
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert!(names.contains(&GeneralName::DNSName("localhost")));
    assert!(names.contains(&GeneralName::IPAddress(&[127, 0, 0, 1])));
    let p256 = "1.2.840.10045.3.1.7";
    let curve = certificate.public_key().algorithm.parameters.as_ref().unwrap().as_oid().unwrap();
    assert_eq!(curve.to_id_string(), p256);
}

#[test]
fn a_certificate_is_renewed_when_three_days_are_left_and_not_before() {
    let (_folder, dir) = data_dir();
    let tls = ServerTls::open(&net_config(), &dir, noon()).unwrap();
    let old = tls.certificate_sha256();
    assert!(!tls.renew_if_due(noon() + 10 * DAY - Duration::from_secs(1)).unwrap());
    assert_eq!(tls.certificate_sha256(), old);
    assert!(tls.renew_if_due(noon() + 10 * DAY + Duration::from_secs(1)).unwrap());
    assert_ne!(tls.certificate_sha256(), old);
    assert!(tls.valid_until() > noon() + 22 * DAY);
    let restarted = ServerTls::open(&net_config(), &dir, noon() + 11 * DAY).unwrap();
    assert_eq!(restarted.certificate(), tls.certificate(), "the renewed certificate is the stored one");
}

#[test]
fn renewals_at_the_same_time_create_one_certificate_and_store_it_with_its_key() {
    let (_folder, dir) = data_dir();
    let tls = ServerTls::open(&net_config(), &dir, noon()).unwrap();
    let (later, all) = (noon() + 11 * DAY, Barrier::new(8));
    let renew = || {
        all.wait();
        tls.renew_if_due(later).unwrap()
    };
    let renewed = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(renew)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|is_renewed| *is_renewed).count()
    });
    assert_eq!(renewed, 1, "a renewal that waited for another one must find nothing due");
    let restarted = ServerTls::open(&net_config(), &dir, later).unwrap();
    assert_eq!(restarted.certificate(), tls.certificate(), "the stored pair must be the current one");
}

#[test]
fn a_due_or_damaged_certificate_is_replaced_at_the_start() {
    let (_folder, dir) = data_dir();
    let first = ServerTls::open(&net_config(), &dir, noon()).unwrap();
    let later = ServerTls::open(&net_config(), &dir, noon() + 30 * DAY).unwrap();
    assert_ne!(first.certificate(), later.certificate());
    fs::write(dir.file("tls/key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let replaced = ServerTls::open(&net_config(), &dir, noon() + 30 * DAY).unwrap();
    assert_ne!(replaced.certificate(), later.certificate());
}

/// Writes a new certificate that is valid for this number of days from `from` to the operator's files, and returns it.
fn install(dir: &DataDir, from: SystemTime, days: u32) -> CertificateDer<'static> {
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.not_before = from.into();
    params.not_after = (from + days * DAY).into();
    let certificate = params.self_signed(&pair).unwrap();
    fs::write(dir.file("c.pem"), certificate.pem()).unwrap();
    fs::write(dir.file("k.pem"), pair.serialize_pem()).unwrap();
    certificate.der().clone()
}

/// Returns the configuration of a server with the files of [`install`].
fn operators_config(dir: &DataDir) -> NetConfig {
    NetConfig { cert: Some(dir.file("c.pem")), key: Some(dir.file("k.pem")), ..net_config() }
}

#[test]
fn an_operators_new_files_are_loaded_and_invalid_ones_change_nothing() {
    let (_folder, dir) = data_dir();
    let first = install(&dir, noon(), 90);
    let tls = ServerTls::open(&operators_config(&dir), &dir, noon()).unwrap();
    assert!(!tls.renew_if_due(noon()).unwrap(), "unchanged files are not a renewal");
    fs::write(dir.file("k.pem"), "").unwrap();
    assert!(tls.renew_if_due(noon()).is_err());
    assert_eq!(tls.certificate(), first, "the old certificate stays current");
    let second = install(&dir, noon(), 90);
    assert!(tls.renew_if_due(noon()).unwrap());
    assert_eq!(tls.certificate(), second);
}

#[test]
fn a_start_refuses_a_certificate_before_and_after_its_validity() {
    let (_folder, dir) = data_dir();
    install(&dir, noon(), 90);
    let opened = |now| ServerTls::open(&operators_config(&dir), &dir, now).map_err(|error| error.to_string());
    assert!(opened(noon()).is_ok() && opened(noon() + 90 * DAY).is_ok());
    let early = opened(noon() - Duration::from_secs(1)).unwrap_err();
    assert!(early.contains("c.pem is not valid before 2024-10-04T00:00:00Z"), "{early}");
    let late = opened(noon() + 90 * DAY + Duration::from_secs(1)).unwrap_err();
    assert!(late.contains("c.pem expired at 2025-01-02T00:00:00Z"), "{late}");
    assert!(late.contains("install a renewed certificate, or correct the clock"), "{late}");
}

#[test]
fn a_running_server_loads_no_certificate_that_is_not_valid_now() {
    let (_folder, dir) = data_dir();
    let first = install(&dir, noon(), 90);
    let tls = ServerTls::open(&operators_config(&dir), &dir, noon()).unwrap();
    for (from, days, reason) in [(noon() + DAY, 90, "is not valid before"), (noon() - 9 * DAY, 8, "expired")]
    {
        install(&dir, from, days);
        let error = tls.renew_if_due(noon()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(tls.certificate(), first, "the old certificate stays current");
    }
}

#[test]
fn the_current_certificate_may_expire_and_is_then_replaced_by_a_renewed_one() {
    let (_folder, dir) = data_dir();
    install(&dir, noon(), 90);
    let tls = ServerTls::open(&operators_config(&dir), &dir, noon()).unwrap();
    let later = noon() + 91 * DAY;
    assert!(!tls.renew_if_due(later).unwrap(), "an expired certificate without a new one is not an error");
    let renewed = install(&dir, later, 90);
    assert!(tls.renew_if_due(later).unwrap());
    assert_eq!(tls.certificate(), renewed);
}

#[test]
fn a_chain_with_another_intermediate_certificate_is_loaded() {
    let (_folder, dir) = data_dir();
    let own = install(&dir, noon(), 90);
    let tls = ServerTls::open(&operators_config(&dir), &dir, noon()).unwrap();
    let chain = fs::read_to_string(dir.file("c.pem")).unwrap().repeat(2);
    fs::write(dir.file("c.pem"), chain).unwrap();
    assert!(tls.renew_if_due(noon()).unwrap(), "the chain has changed");
    assert_eq!(tls.certificate(), own);
    assert!(!tls.renew_if_due(noon()).unwrap());
}

#[test]
fn a_development_certificate_that_is_not_valid_yet_is_replaced() {
    let (_folder, dir) = data_dir();
    let wrong = noon() + 400 * DAY;
    let tls = ServerTls::open(&net_config(), &dir, wrong).unwrap();
    let first = tls.certificate();
    assert!(tls.renew_if_due(noon()).unwrap(), "the clock was corrected while the server runs");
    assert_ne!(tls.certificate(), first);
    assert!(tls.valid_until() < noon() + 14 * DAY);
    let second = ServerTls::open(&net_config(), &dir, noon() - 20 * DAY).unwrap();
    assert_ne!(second.certificate(), tls.certificate(), "the clock was corrected before the start");
}

#[test]
fn certificates_in_memory_have_a_fixed_size_and_offer_one_protocol() {
    let sizes: Vec<_> = (0..8).map(|_| ServerTls::in_memory().unwrap().certificate().len()).collect();
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
    let config = ServerTls::in_memory().unwrap().config();
    assert_eq!(config.alpn_protocols, [ALPN.to_vec()]);
    assert_eq!(config.max_early_data_size, 0, "early data is disabled");
    let first = config.crypto_provider().cipher_suites[0].suite();
    assert_eq!(first, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
}

/// Performs a handshake, and returns the certificate that the client receives. Panics if the handshake fails.
fn presented(tls: &ServerTls) -> CertificateDer<'static> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(tls.certificate()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let mut client =
        rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut server = rustls::ServerConnection::new(tls.config()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    assert_eq!(client.alpn_protocol(), Some(ALPN));
    client.peer_certificates().unwrap()[0].clone()
}

#[test]
fn the_next_handshake_presents_the_renewed_certificate() {
    let (_folder, dir) = data_dir();
    // Created ten days ago: it is due now, and both it and its successor are valid now.
    let created = SystemTime::now() - 10 * DAY - Duration::from_secs(60);
    let tls = ServerTls::open(&net_config(), &dir, created).unwrap();
    let first = presented(&tls);
    assert!(tls.renew_if_due(SystemTime::now()).unwrap());
    assert_ne!(presented(&tls), first);
}

#[test]
fn quic_accepts_the_tls_configuration() {
    let tls = ServerTls::in_memory().unwrap();
    assert!(quinn::crypto::rustls::QuicServerConfig::try_from(tls.config()).is_ok());
    assert_eq!(presented(&tls), tls.certificate());
}
