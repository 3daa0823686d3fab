//! Surroundings that a server starts in spite of: foreign environment variables, a low limit of open files, and a database of match results
//! that cannot be used yet.

use std::{fs, path::Path};

use quarrel_harness::{LogFile, Player, ProcessConfig, ServerProcess, http::get, until, within};
use quarrel_server::storage::{MatchRecord, newest_matches};
use quarrel_shared::{arena::Arena, crowd::Crowd};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

fn variables(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The configuration of a server on this data directory, whose matches of Arena end with the first score.
fn short_matches(data_dir: &Path, log: &LogFile) -> ProcessConfig {
    ProcessConfig {
        arguments: ["--game", "arena", "--seats", "8", "--bots", "7"].map(str::to_owned).to_vec(),
        environment: variables(&[
            ("QUARREL_GAME__SETTINGS__SCORE_TO_WIN", "1"),
            ("QUARREL_GAME__SETTINGS__RESULT_S", "1"),
        ]),
        log: log.writer(),
        data_dir: Some(data_dir.to_owned()),
        ..ProcessConfig::default()
    }
}

/// Plays until a match has ended whose result cannot be stored, while the database is unusable. Returns the player, who stays.
async fn play_without_database(server: &mut ServerProcess, log: &LogFile, reason: &str) -> Player<Arena> {
    let (mut ada, _) = Player::<Arena>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(5).await;
    assert!(log.text().contains(reason), "the log must have the reason:\n{}", log.text());
    let http = server.http_address().await;
    let metrics = get(http, "/metrics").await.body;
    assert!(
        !metrics.contains("quarrel_match_results_failed_writes_total 0\n"),
        "the failed opening must be counted:\n{metrics}"
    );
    within("a result that waits", async {
        while get(http, "/metrics").await.body.contains("quarrel_match_results_waiting 0\n") {}
    })
    .await;
    ada
}

/// Waits until a result is stored, and stops the server.
async fn stored_and_stopped(server: &mut ServerProcess, data_dir: &Path) {
    within("a stored result", async {
        while read(data_dir).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "all results must be stored at the stop");
}

/// The stored results; none while the database is being created.
async fn read(data_dir: &Path) -> Vec<MatchRecord> {
    newest_matches(data_dir, u32::MAX).await.unwrap_or_default()
}

#[tokio::test]
async fn a_server_starts_among_the_variables_of_a_cluster_and_warns_about_a_misspelled_key() {
    let log = LogFile::new();
    let config = ProcessConfig {
        environment: variables(&[
            ("QUARREL_SERVICE_HOST", "10.0.0.7"),
            ("QUARREL_SERVICE_PORT_GAME", "7777"),
            ("QUARREL_PORT", "udp://10.0.0.7:7777"),
            ("QUARREL_PORT_7777_UDP_ADDR", "10.0.0.7"),
            ("QUARREL_NET_SERVICE_HOST", "10.0.0.8"),
            ("QUARREL_NET_PORT", "tcp://10.0.0.8:80"),
            ("QUARREL_SWARM_KEY", "a secret of the load tester"),
            ("QUARREL_TICK_RATE", "60"),
        ]),
        log: log.writer(),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(1).await;
    until("the warning", || log.text().contains("QUARREL_TICK_RATE is not a key")).await;
    assert!(log.text().contains("did you mean QUARREL_ROOM__TICK_RATE?"), "{}", log.text());
    assert_eq!(log.text().matches("is not a key").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_server_with_a_low_limit_of_open_files_plays_and_names_the_limit() {
    let log = LogFile::new();
    let config = ProcessConfig {
        wrapper: ["sh", "-c", "ulimit -n 128; exec \"$0\" \"$@\""].map(str::to_owned).to_vec(),
        log: log.writer(),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(1).await;
    log.wait_for("the process may open 128 files, and room.rooms = 64 needs 256").await;
    log.must_contain("raise the limit (ulimit -n, LimitNOFILE)");
}

#[tokio::test]
async fn a_server_with_a_locked_database_plays_and_stores_its_results_after_the_lock() {
    let (folder, log) = (tempfile::tempdir().expect("a folder"), LogFile::new());
    let data_dir = folder.path();
    let options = SqliteConnectOptions::new().filename(data_dir.join("matches.db")).create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.expect("a database");
    let lock = other.begin_with("BEGIN EXCLUSIVE").await.expect("a lock");

    let mut server = ServerProcess::start(SERVER, short_matches(data_dir, &log));
    let ada = play_without_database(&mut server, &log, "another program has locked it").await;
    lock.rollback().await.expect("the end of the lock");
    stored_and_stopped(&mut server, data_dir).await;
    drop(ada);
}

#[tokio::test]
async fn a_server_with_a_damaged_database_plays_and_stores_its_results_in_a_new_one() {
    let (folder, log) = (tempfile::tempdir().expect("a folder"), LogFile::new());
    let database = folder.path().join("matches.db");
    fs::write(&database, "these bytes are not a database ".repeat(300)).expect("a file");

    let mut server = ServerProcess::start(SERVER, short_matches(folder.path(), &log));
    let ada = play_without_database(&mut server, &log, "the file is damaged or not a database").await;
    assert!(!log.text().contains("version of this program"), "{}", log.text());
    fs::rename(&database, folder.path().join("damaged.db")).expect("the operator moves the file away");
    stored_and_stopped(&mut server, folder.path()).await;
    drop(ada);
}
