//! The admin HTTP server of a process: who may read, what other connections can block, and the formats of the metrics.

use std::{io::Write as _, net::TcpStream};

use quarrel_harness::{
    LogFile, Player, ProcessConfig, ServerProcess,
    http::{get, get_with},
};
use quarrel_shared::crowd::Crowd;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// The paths that answer everyone who reaches the port.
const HEALTH_CHECKS: [&str; 3] = ["/livez", "/readyz", "/startupz"];

/// Starts a server whose start has ended, without and with this token file.
async fn serve(http: &str, token_file: Option<&str>) -> ServerProcess {
    let log = LogFile::new();
    let config = ProcessConfig {
        http: Some(http.to_owned()),
        environment: token_file
            .map(|file| ("QUARREL_HTTP__TOKEN_FILE", file.to_owned()))
            .into_iter()
            .collect(),
        log: log.writer(),
        ..ProcessConfig::default()
    };
    let server = ServerProcess::start(SERVER, config);
    log.wait_for("\"serving\"").await;
    server
}

#[tokio::test]
async fn an_address_that_other_machines_reach_needs_a_token_to_start() {
    let log = LogFile::new();
    let config =
        ProcessConfig { http: Some("0.0.0.0:0".to_owned()), log: log.writer(), ..ProcessConfig::default() };
    let mut server = ServerProcess::start(SERVER, config);
    assert_eq!(server.wait_for_exit().await.code(), Some(78), "{}", log.text());
    log.must_contain("http.listen");
    log.must_contain("any address together with http.token_file, because other machines could read");
}

#[tokio::test]
async fn with_a_token_file_only_the_token_and_health_checks_are_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef\n").expect("a file");
    let mut server = serve("0.0.0.0:0", file.to_str()).await;
    let http = server.http_address().await;
    let with = async |path, token: &str| {
        get_with(http, path, "quarrel.example", &format!("Authorization: Bearer {token}\r\n")).await.status
    };
    for path in ["/v1/players", "/v1/rooms", "/metrics", "/"] {
        assert_eq!(get(http, path).await.status, 401, "{path} without the token");
        assert_eq!(with(path, "0123456789abcdeF").await, 401, "{path} with another token");
        assert_eq!(with(path, "0123456789abcdef").await, 200, "{path} with the token");
    }
    for path in HEALTH_CHECKS {
        assert_eq!(get(http, path).await.status, 200, "{path} needs no token");
    }
}

#[tokio::test]
async fn on_loopback_a_request_for_a_foreign_host_reads_no_names() {
    let mut server = serve("127.0.0.1:0", None).await;
    let http = server.http_address().await;
    let for_host = async |host: &str, path: &str| get_with(http, path, host, "").await.status;
    for path in ["/v1/players", "/v1/rooms", "/metrics", "/"] {
        assert_eq!(for_host("rebound.example", path).await, 403, "{path} for a foreign host");
        assert_eq!(for_host("localhost:7780", path).await, 200, "{path} for localhost");
    }
    for path in HEALTH_CHECKS {
        assert_eq!(for_host("rebound.example", path).await, 200, "{path} must be answered for every host");
    }
}

#[tokio::test]
async fn slow_requests_and_idle_connections_keep_no_health_check_from_its_answer() {
    let mut server = serve("127.0.0.1:0", None).await;
    let http = server.http_address().await;
    let mut connections = Vec::new();
    for _ in 0..64 {
        connections.push(TcpStream::connect(http).expect("a connection"));
        let mut slow = TcpStream::connect(http).expect("a connection");
        let head = "POST /v1/rooms/1/mark HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        slow.write_all(format!("{head}Content-Length: 100\r\n\r\n{{").as_bytes())
            .expect("a request without an end");
        connections.push(slow);
    }
    for path in HEALTH_CHECKS {
        assert_eq!(get(http, path).await.status, 200, "{path}");
    }
    drop(connections);
}

#[tokio::test]
async fn the_metrics_have_the_format_that_a_request_accepts() {
    let mut server = serve("127.0.0.1:0", None).await;
    let (address, http) = (server.address().await, server.http_address().await);
    let (_ada, _) = Player::<Crowd>::connect_and_join(address, "Ada").await;
    let metrics = async |accept: &str| {
        get_with(http, "/metrics", "localhost", &format!("Accept: {accept}\r\n")).await.body
    };
    let text = metrics("text/plain").await;
    assert!(text.contains("# TYPE quarrel_joins_total counter\n"), "{text}");
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "only OpenMetrics has these lines:\n{text}");
    let open_metrics = metrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
    assert!(open_metrics.contains("# TYPE quarrel_joins counter\n"), "{open_metrics}");
    assert!(open_metrics.ends_with("# EOF\n"), "{open_metrics}");
}
