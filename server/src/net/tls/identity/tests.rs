//! Tests of faulty files of an operator: each fault has a sentence that names it.

use std::{fs, path::PathBuf};

use rcgen::{Certificate, CertificateParams, KeyPair};

use super::*;

/// A certificate with an ECDSA P-521 key.
const P521: &str = "\
-----BEGIN CERTIFICATE-----
MIIB9zCCAVigAwIBAgIUDMDTESlS25FVwaTXe0PabGpunDgwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjEyMDEwNDE5NTZaGA8yMTI2MTEwNzA0MTk1Nlow
DDEKMAgGA1UEAwwBYTCBmzAQBgcqhkjOPQIBBgUrgQQAIwOBhgAEAJSsl8EQnu92
fgfVY5+RJusGgt6rVZdHdPXTh8SigupvQ+umM3XdF9qYASMi2XeC+J4eg9vkQZ0j
F+hVWJb1og9XABlRp5w5AztUPSbulUsgpl72DUqq2vRpl3uKcbiKbncEfRvDSpVQ
CEOej7fmIGmDJngHXGyXw3XMjtlfB+e2AxS+o1MwUTAdBgNVHQ4EFgQUOVnNk7tS
BnAMCWIbEh+JGzr4JQowHwYDVR0jBBgwFoAUOVnNk7tSBnAMCWIbEh+JGzr4JQow
DwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgOBjAAwgYgCQgFA/G2FVsA6bsyo
K/TCEru20H0f9DR6akS25f3ry01bgfiIveDEoxHMv6y+KkFfMR1NujBPkkBtZEq9
UrUlGlTqQwJCANeADYXd/2lJsPYL2pU98aLy49J5NtR0b8Zsgrt2671qwZ02DPfv
l9nd7r3IV1GNQ84vHGBn53tAwZZbFJBEo06K
-----END CERTIFICATE-----
";

/// A certificate with an RSA key of 1024 bits.
const RSA_1024: &str = "\
-----BEGIN CERTIFICATE-----
MIIB9jCCAV+gAwIBAgIUaukgXOg8T03dT4c7K/nocOEpHzQwDQYJKoZIhvcNAQEL
BQAwDDEKMAgGA1UEAwwBYTAgFw0yNjEyMDEwNDE5NTZaGA8yMTI2MTEwNzA0MTk1
NlowDDEKMAgGA1UEAwwBYTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAueqC
pBnhdpTbtMWx1UfPqMpunWlq2qi4tV1k9CaEsqIbIL36xNV01Q2Xl+uifgO7QWxe
/zivVEnZ1S4egIcvv6IY04oFpwlaFcbhbsMUCbhaRqFq6n+E948QBI1Z59XUJg3F
XZuzF++yKCDJfAwHqecBpjJf6gbG4YQ+FMKsFGUCAwEAAaNTMFEwHQYDVR0OBBYE
FJUCBXvw81VuGXjm6k2M6zYg7spQMB8GA1UdIwQYMBaAFJUCBXvw81VuGXjm6k2M
6zYg7spQMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEAuJ0Bp9mf
uyovJVTv0/HSEJu0TDgWyWxAZxNjcmBSYZEQ/NngCTL3f6ZxQBUdSXye7EUOzOIN
ic8FdT2UplwI6WG5ekUY3D+sskqDv6eDJGynTmbBnVWn1n2pfHubU8v0UMzT+j52
crMDSsd/zV6jPxe/bzgk5VIP1FrUcdKodgY=
-----END CERTIFICATE-----
";

/// A private key in the older encrypted format: the encryption is a header of the section.
const ENCRYPTED: &str = "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,28E0815E3AD511BBFF5CFDF93F5FA2DD

5m8Kba44OxK9iPQAktLarK2MZb7O2Mqe9JX4xDSEn8Hq8Jog4sUh5jIsmbMim10C
ReKNXfz9Tw5P4ymvMW7ESwcheIAzPkDkTNZ9l34hKbufnpe4+57H8vzSRaWvLcsb
Bk8rEsuhoQ4XueHQ5Jd8abTLlTkFkDnLRyREwxX/Xts=
-----END EC PRIVATE KEY-----
";

/// A folder with a certificate and its key, which a test then damages.
struct Files {
    _folder: tempfile::TempDir,
    cert: PathBuf,
    key: PathBuf,
    certificate: Certificate,
    pair: KeyPair,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.self_signed(&pair).unwrap();
        let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let files = Self { _folder: folder, cert, key, certificate, pair };
        files.write_cert(files.certificate.pem()).write_key(files.pair.serialize_pem());
        files
    }

    fn write_cert(&self, content: impl AsRef<[u8]>) -> &Self {
        fs::write(&self.cert, content).unwrap();
        self
    }

    fn write_key(&self, content: impl AsRef<[u8]>) -> &Self {
        fs::write(&self.key, content).unwrap();
        self
    }

    fn read(&self) -> Result<Identity, String> {
        Identity::read(&self.cert, &self.key).map_err(|error| error.to_string())
    }

    /// Asserts that the files are refused with a sentence that has all of these parts.
    fn assert_refused(&self, parts: &[&str]) {
        let error = self.read().unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} must be in: {error}");
    }
}

#[test]
fn a_certificate_and_its_key_are_read_in_the_formats_that_programs_write() {
    let files = Files::new();
    let (cert, key) = (files.certificate.pem(), files.pair.serialize_pem());
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    for (cert, key) in [
        (cert.clone(), key.clone()),
        (windows(&cert), windows(&key)),
        (format!("{key}{cert}"), format!("{cert}{key}")),
    ] {
        let read = files.write_cert(cert).write_key(key).read().unwrap();
        assert_eq!(read.certificate(), files.certificate.der());
    }
}

#[test]
fn a_file_that_is_missing_empty_or_not_pem_is_named() {
    let files = Files::new();
    files.write_cert(" \n").assert_refused(&["c.pem is empty", "net.cert (--cert) takes a PEM file"]);
    let utf16: Vec<_> = files.certificate.pem().encode_utf16().flat_map(u16::to_le_bytes).collect();
    files.write_cert([b"\xFF\xFE", utf16.as_slice()].concat()).assert_refused(&["c.pem is UTF-16 text"]);
    let der = files.certificate.der();
    files.write_cert(der).assert_refused(&[
        "is a binary file",
        "`openssl x509 -inform der -in",
        "c.pem -out cert.pem`",
    ]);
    files.write_cert(&der[..der.len() / 2]).assert_refused(&["c.pem is a binary file"]);
    files.write_cert("a certificate").assert_refused(&["holds no certificate, and these sections: none"]);
    fs::remove_file(&files.cert).unwrap();
    files.assert_refused(&["cannot read", "c.pem", "check the path"]);

    let files = Files::new();
    files.write_key("").assert_refused(&["k.pem is empty", "net.key (--key)", "BEGIN PRIVATE KEY"]);
    files
        .write_key(files.pair.serialize_der())
        .assert_refused(&["k.pem is a binary file", "openssl pkey -inform der"]);
    let public = files.pair.serialize_pem().replace("PRIVATE", "PUBLIC");
    files.write_key(public).assert_refused(&["holds no private key, and these sections: PUBLIC KEY"]);
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_named() {
    let files = Files::new();
    let (cert, key) = (files.certificate.pem(), files.pair.serialize_pem());
    files
        .write_cert(&cert[..cert.len() / 2])
        .assert_refused(&["c.pem is cut off", "-----END CERTIFICATE-----"]);
    files.write_cert(&cert[..20]).assert_refused(&["c.pem is damaged", "is incomplete"]);
    let body = cert.lines().nth(2).unwrap();
    files.write_cert(cert.replace(body, "?")).assert_refused(&["c.pem is damaged", "not valid base64"]);
    files
        .write_cert(cert.replace(body, ""))
        .assert_refused(&["the certificate in", "c.pem is damaged, cut off"]);
    files.write_cert(&cert).write_key(&key[..key.len() / 2]).assert_refused(&["k.pem is cut off"]);
    let body = key.lines().nth(1).unwrap();
    files.write_key(key.replace(body, "")).assert_refused(&[
        "the private key in",
        "k.pem is damaged",
        "ECDSA P-256",
    ]);
}

#[test]
fn exchanged_files_and_a_foreign_key_are_named() {
    let files = Files::new();
    let (cert, key) = (files.certificate.pem(), files.pair.serialize_pem());
    files.write_cert(&key).assert_refused(&["c.pem holds no certificate but a private key", "exchanged"]);
    files
        .write_cert(&cert)
        .write_key(&cert)
        .assert_refused(&["k.pem holds no private key but a certificate"]);
    files.write_key(KeyPair::generate().unwrap().serialize_pem());
    files.assert_refused(&["is not the key of the certificate"]);
}

#[test]
fn an_encrypted_key_is_named_with_the_command_that_decrypts_it() {
    let files = Files::new();
    let newer = files.pair.serialize_pem().replace("PRIVATE", "ENCRYPTED PRIVATE");
    for key in [newer.as_str(), ENCRYPTED] {
        let command = format!("`openssl pkey -in {} -out key.pem`", files.key.display());
        files.write_key(key).assert_refused(&["k.pem holds an encrypted private key", &command]);
    }
}

#[test]
fn an_unsupported_type_of_key_is_named_with_the_accepted_types() {
    let files = Files::new();
    let accepted = "accepted are ECDSA P-256, ECDSA P-384, Ed25519, and RSA with 2048 to 4096 bits";
    files.write_cert(P521).assert_refused(&["c.pem has a key of the type ECDSA P-521", accepted]);
    files.write_cert(RSA_1024).assert_refused(&["c.pem has a key of the type RSA with 1024 bits", accepted]);
}

#[test]
fn every_accepted_type_of_key_that_can_be_generated_is_read() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        let files = Files::new();
        assert!(files.write_cert(certificate.pem()).write_key(pair.serialize_pem()).read().is_ok());
    }
}
