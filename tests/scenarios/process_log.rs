//! Trouble with the log takes nothing from the players: a server whose log fails, goes away or is stuck serves, stays live and stops cleanly.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use quarrel_harness::{
    Player, ProcessConfig, ServerProcess, http::get, server_process::send_signals, within,
};
use quarrel_shared::crowd::Crowd;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// Plays on a server, stops it with SIGTERM, and checks that it stopped cleanly. Returns the metrics as they were before the stop.
async fn play_and_stop(server: &mut ServerProcess) -> String {
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(5).await;
    let http = server.http_address().await;
    assert_eq!(get(http, "/livez").await.status, 200);
    let metrics = get(http, "/metrics").await.body;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "SIGTERM must stop the server gracefully");
    metrics
}

/// The value of a metric line.
fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} must be in\n{metrics}")).parse().expect("a number")
}

const UNWRITABLE: &str = "quarrel_log_lines_dropped_total{reason=\"unwritable\"}";
const QUEUE_FULL: &str = "quarrel_log_lines_dropped_total{reason=\"queue_full\"}";

#[tokio::test]
async fn a_server_plays_on_when_its_log_cannot_be_written() {
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a device that is always full");
    let log = Stdio::from(full);
    let mut server = ServerProcess::start(SERVER, ProcessConfig { log, ..ProcessConfig::default() });
    let metrics = play_and_stop(&mut server).await;
    assert!(value(&metrics, UNWRITABLE) > 0.0, "dropped lines must be counted:\n{metrics}");
}

#[tokio::test]
async fn a_server_plays_on_when_the_reader_of_its_log_goes_away() {
    let config = ProcessConfig { log: Stdio::piped(), ..ProcessConfig::default() };
    let mut server = ServerProcess::start(SERVER, config);
    let mut log = BufReader::new(server.child().stderr.take().expect("a pipe"));
    let mut line = String::new();
    log.read_line(&mut line).expect("the first line");
    assert!(!line.is_empty(), "the server must log its start");
    drop(log);
    let metrics = play_and_stop(&mut server).await;
    assert!(value(&metrics, UNWRITABLE) > 0.0, "dropped lines must be counted:\n{metrics}");
}

#[tokio::test]
async fn a_server_plays_on_when_the_reader_of_its_log_is_stuck() {
    // A pipe holds 64 kB, and the debug lines of some joins are more than that and the queue together.
    let config = ProcessConfig {
        log: Stdio::piped(),
        arguments: ["--log", "debug"].map(str::to_owned).to_vec(),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    let (address, http) = (server.address().await, server.http_address().await);
    let mut is_full = false;
    for _ in 0..400 {
        let (ada, _) = Player::<Crowd>::connect_and_join(address, "Ada").await;
        ada.disconnect().await;
        is_full = value(&get(http, "/metrics").await.body, QUEUE_FULL) > 0.0;
        if is_full {
            break;
        }
    }
    assert!(is_full, "the log must be full after 400 joins");
    play_and_stop(&mut server).await;
}

#[tokio::test]
async fn quit_ends_a_server_whose_log_is_stuck() {
    // A pipe holds 64 kB, so the first line waits for the reader.
    let (_reader, mut writer) = io::pipe().expect("a pipe");
    writer.write_all(&[b'\n'; 64 * 1024]).expect("room in the pipe");
    let mut server =
        ServerProcess::start(SERVER, ProcessConfig { log: writer.into(), ..ProcessConfig::default() });
    server.http_address().await;
    server.signal("QUIT");
    assert_eq!(server.wait_for_exit().await.code(), Some(128 + 3));
}

/// `quarrel serve 2>&1 | head -n 1`.
#[tokio::test]
async fn a_server_plays_on_when_the_reader_of_its_output_ends_after_one_line() {
    let (reader, writer) = io::pipe().expect("a pipe");
    let head = Command::new("head").args(["-n", "1"]).stdin(reader).stdout(Stdio::piped()).spawn();
    let config = ProcessConfig {
        output: writer.try_clone().expect("a descriptor").into(),
        log: writer.into(),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    let head = head.expect("`head` is in every system").wait_with_output().expect("the end of `head`");
    assert_eq!(String::from_utf8_lossy(&head.stdout).lines().count(), 1, "{head:?}");
    let metrics = play_and_stop(&mut server).await;
    assert!(value(&metrics, UNWRITABLE) > 0.0, "dropped lines must be counted:\n{metrics}");
}

/// The closing terminal sends SIGHUP, which reloads, and its log then has no destination.
#[tokio::test]
async fn a_server_plays_on_when_its_terminal_closes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (wrapper, holder) = (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/wrappers/in_terminal.py"),
        folder.path().join("holder"),
    );
    let config = ProcessConfig {
        wrapper: vec!["python3".to_owned(), wrapper.display().to_string(), holder.display().to_string()],
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    let http = server.http_address().await;
    assert_eq!(value(&get(http, "/metrics").await.body, UNWRITABLE), 0.0, "the terminal takes the lines");
    let holder = fs::read_to_string(holder).expect("the holder of the terminal");
    send_signals(holder.parse().expect("a number"), &["KILL"]);
    within("a line that cannot be written", async {
        while value(&get(http, "/metrics").await.body, UNWRITABLE) == 0.0 {}
    })
    .await;
    ada.wait_for_ticks(30).await;
    play_and_stop(&mut server).await;
}
