//! Signals of the process: graceful stops, immediate exits and reloads.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::Stdio,
};

use quarrel_client::{Client, ConnectConfig, Ending};
use quarrel_harness::{Player, ProcessConfig, ServerProcess, http::get, until, within};
use quarrel_shared::{crowd::Crowd, protocol::CloseReason};

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

#[tokio::test]
async fn stop_signals_at_the_same_moment_are_one_graceful_stop() {
    let mut server = ServerProcess::start(SERVER, ProcessConfig::default());
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(1).await;
    server.signals(&["TERM", "INT", "TERM"]);
    let ending = ada.wait_for_end().await;
    let is_graceful = matches!(ending, Ending::Closed { reason: CloseReason::ServerStopping, .. });
    assert!(is_graceful, "the player must receive the reason of the stop: {ending:?}");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn quit_exits_at_once_with_the_code_of_the_signal() {
    let mut server = ServerProcess::start(SERVER, ProcessConfig::default());
    server.http_address().await;
    server.signal("QUIT");
    assert_eq!(server.wait_for_exit().await.code(), Some(128 + 3));
}

#[tokio::test]
async fn user_signals_and_a_hang_up_do_not_end_the_server() {
    let mut server = ServerProcess::start(SERVER, ProcessConfig::default());
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    server.signals(&["USR1", "USR2", "XFSZ", "HUP"]);
    ada.wait_for_ticks(30).await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_hang_up_applies_the_changed_configuration_and_keeps_the_old_one_on_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, log) = (folder.path().join("quarrel.toml"), folder.path().join("log"));
    let write = |text: &str| fs::write(&file, text).expect("a file");
    write("[net]\nmax_sessions = 1\n");
    let config = ProcessConfig {
        arguments: ["--config", &file.display().to_string()].map(str::to_owned).to_vec(),
        log: Stdio::from(File::create(&log).expect("a file for the log")),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    let address = server.address().await;
    let http = server.http_address().await;
    let (mut ada, _) = Player::<Crowd>::connect_and_join(address, "Ada").await;
    let refused = within("a refusal", Client::<Crowd>::connect(&ConnectConfig::new(address))).await;
    assert!(refused.is_err(), "the server must be full with one player");

    write("[net]\nmax_sessions = 2\n[room]\nbots = 3\nrooms = 9\n");
    server.signal("HUP");
    wait_for_line(&log, "configuration reloaded").await;
    assert!(read(&log).contains("net.max_sessions, room.bots"), "the changed keys must be logged");
    wait_for_line(&log, "changed keys take effect at the next start only").await;
    let _bob = Player::<Crowd>::connect(address, "Bob").await;
    within("three bots", async { while !get(http, "/metrics").await.body.contains("quarrel_bots 3\n") {} })
        .await;

    write("[net]\nmax_sessions = 0\n");
    server.signal("HUP");
    wait_for_line(&log, "configuration reload failed").await;
    write("[log]\nfilter = \"off\"\n[room]\nbots = 4\n");
    server.signal("HUP");
    // The line that reports the reload is filtered already, so the test waits for its other effect.
    wait_for_bots(http, 4).await;
    ada.wait_for_ticks(1).await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
    assert!(!read(&log).contains("shutting down"), "the new filter must hide the line of the stop");
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).expect("the log")
}

async fn wait_for_line(log: &Path, text: &str) {
    until(text, || read(log).contains(text)).await;
}

async fn wait_for_bots(http: SocketAddr, bots: u16) {
    let line = format!("quarrel_bots {bots}\n");
    within("the bots", async { while !get(http, "/metrics").await.body.contains(&line) {} }).await;
}
