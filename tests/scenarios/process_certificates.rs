//! The certificate of an operator: refused outside of its validity, and replaced while the server runs.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
    time::{Duration, SystemTime},
};

use quarrel_harness::{
    Player, ProcessConfig, ServerProcess, http::get, server_process::clean_command, until,
};
use quarrel_shared::crowd::Crowd;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

const DAY: Duration = Duration::from_secs(86_400);

/// The files of an operator's certificate and of a server's log.
struct CertificateFiles {
    folder: TempDir,
}

impl CertificateFiles {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a certificate with this validity, and its key, as PEM.
    fn install(&self, from: SystemTime, until: SystemTime) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
        (params.not_before, params.not_after) = (from.into(), until.into());
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let pair = (pem, key.serialize_pem());
        self.write(&pair);
        pair
    }

    fn write(&self, (cert, key): &(String, String)) {
        fs::write(self.path("cert.pem"), cert).expect("a file");
        fs::write(self.path("key.pem"), key).expect("a file");
    }

    fn arguments(&self) -> Vec<String> {
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| self.path(name).display().to_string());
        ["--cert".to_owned(), cert, "--key".to_owned(), key].into()
    }

    /// Starts a server with these files.
    fn serve(&self) -> ServerProcess {
        let log = File::create(self.path("log")).expect("a file for the log");
        let config =
            ProcessConfig { arguments: self.arguments(), log: Stdio::from(log), ..ProcessConfig::default() };
        ServerProcess::start(SERVER, config)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).expect("the log")
    }

    async fn wait_for_line(&self, text: &str) {
        until(text, || self.log().contains(text)).await;
    }
}

#[tokio::test]
async fn check_and_serve_refuse_the_same_certificates_outside_of_their_validity() {
    let (files, now) = (CertificateFiles::new(), SystemTime::now());
    for (from, until, reason) in
        [(now - 9 * DAY, now - DAY, "expired at"), (now + DAY, now + 9 * DAY, "is not valid before")]
    {
        files.install(from, until);
        let mut server = files.serve();
        assert_eq!(server.wait_for_exit().await.code(), Some(78), "{}", files.log());
        assert!(files.log().contains(reason), "{reason} must be in: {}", files.log());
        let check = clean_command(SERVER)
            .args(["check", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"])
            .arg(files.path("data"))
            .args(files.arguments())
            .output()
            .expect("the program must start");
        let printed = String::from_utf8_lossy(&check.stdout);
        assert_eq!(check.status.code(), Some(78), "{printed}");
        assert!(printed.contains(reason), "{reason} must be in: {printed}");
    }
}

#[tokio::test]
async fn a_hang_up_loads_a_new_certificate_and_keeps_the_old_one_when_the_new_one_is_unusable() {
    let (files, now) = (CertificateFiles::new(), SystemTime::now());
    let first_files = files.install(now - DAY, now + 10 * DAY);
    let mut server = files.serve();
    let (address, http) = (server.address().await, server.http_address().await);
    let hash = async || get(http, "/v1/certificate").await.json()["sha256"].clone();
    let first = hash().await;
    files.wait_for_line("certificate expires in less than 14 days").await;

    files.install(now - DAY, now + 90 * DAY);
    server.signal("HUP");
    files.wait_for_line("certificate reloaded").await;
    let second = hash().await;
    assert_ne!(second, first, "the server must present the new certificate");
    let expires = (now + 90 * DAY).duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let metrics = get(http, "/metrics").await.body;
    let line = format!("quarrel_certificate_expires_timestamp_seconds {expires}\n");
    assert!(metrics.contains(&line), "{line} must be in\n{metrics}");

    for (damage, reason) in [
        (first_files.0.replace("BEGIN", "START"), "holds no certificate"),
        (files.install(now - 9 * DAY, now - DAY).0, "expired at"),
    ] {
        fs::write(files.path("cert.pem"), damage).expect("a file");
        server.signal("HUP");
        files.wait_for_line(reason).await;
        assert_eq!(hash().await, second, "the old certificate must stay in use");
    }
    assert!(files.log().contains("certificate reload failed"), "{}", files.log());

    files.write(&first_files);
    server.signal("HUP");
    until("another reload", || files.log().matches("certificate reloaded").count() == 2).await;
    assert_eq!(hash().await, first, "the hash must be that of the certificate in the file");
    let (mut ada, _) = Player::<Crowd>::connect_and_join(address, "Ada").await;
    ada.wait_for_ticks(1).await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
}
