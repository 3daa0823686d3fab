//! A full disk takes no match away: a start on it is tried again, and rooms play while nothing can be written.

use std::{
    fs::{self, File},
    path::Path,
    process::Output,
};

use quarrel_harness::{
    LogFile, Player, ProcessConfig, ServerProcess, http::get, namespace::SmallDisk,
    server_process::clean_command, within,
};
use quarrel_shared::{arena::Arena, crowd::Crowd};

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// The size of a page: a file on the disk takes whole pages.
const PAGE_BYTES: u64 = 4096;

/// A server whose data directory is on the disk.
fn on_disk(disk: &SmallDisk) -> ProcessConfig {
    ProcessConfig { wrapper: disk.wrapper(), data_dir: Some(disk.inside("data")), ..ProcessConfig::default() }
}

/// Prints the stored results.
fn matches(disk: &SmallDisk) -> Output {
    let wrapper = disk.wrapper();
    clean_command(&wrapper[0])
        .args(&wrapper[1..])
        .args([SERVER, "matches", "--data-dir"])
        .arg(disk.inside("data"))
        .output()
        .expect("the program must start")
}

#[tokio::test]
async fn a_start_on_a_full_disk_asks_for_another_try_and_succeeds_when_there_is_space() {
    let Some(disk) = SmallDisk::mount() else { return };
    let log = LogFile::new();
    disk.fill_except(0);
    let mut server = ServerProcess::start(SERVER, ProcessConfig { log: log.writer(), ..on_disk(&disk) });
    assert_eq!(server.wait_for_exit().await.code(), Some(75), "{}", log.text());
    log.must_contain("cannot write");
    log.must_contain("data.dir (--data-dir) must be writable and have free space");

    disk.free();
    let mut server = ServerProcess::start(SERVER, on_disk(&disk));
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(5).await;
}

#[tokio::test]
async fn a_start_on_a_disk_too_full_for_the_database_plays_and_stores_the_results_when_there_is_space() {
    let Some(disk) = SmallDisk::mount() else { return };
    let log = LogFile::new();
    let short_matches = || ProcessConfig {
        arguments: ["--game", "arena", "--seats", "8", "--bots", "7"].map(str::to_owned).to_vec(),
        environment: vec![
            ("QUARREL_GAME__SETTINGS__SCORE_TO_WIN", "1".to_owned()),
            ("QUARREL_GAME__SETTINGS__RESULT_S", "1".to_owned()),
        ],
        log: log.writer(),
        ..on_disk(&disk)
    };
    // A first run writes the certificate and the secrets, so that the second one needs space for its database only.
    let mut server = ServerProcess::start(SERVER, short_matches());
    server.address().await;
    log.wait_for("\"serving\"").await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "{}", log.text());
    for name in ["data/matches.db", "data/matches.db-wal", "data/matches.db-shm"] {
        remove_if_exists(&disk.outside(name));
    }
    disk.fill_except(PAGE_BYTES);

    let mut server = ServerProcess::start(SERVER, short_matches());
    let (mut ada, _) = Player::<Arena>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(5).await;
    log.must_contain("match results cannot be stored, rooms play and results wait until they can");
    let http = server.http_address().await;
    let metrics = async || get(http, "/metrics").await.body;
    within("a result that waits", async {
        while metrics().await.contains("quarrel_match_results_waiting 0\n") {}
    })
    .await;
    ada.wait_for_ticks(5).await;

    disk.free();
    within("a stored result", async {
        while metrics().await.contains("quarrel_match_results_written_total 0\n") {}
    })
    .await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "all results must be stored at the stop");
    let printed = matches(&disk);
    let text = String::from_utf8_lossy(&printed.stdout);
    assert!(printed.status.success() && text.contains("arena"), "{printed:?}");
}

#[tokio::test]
async fn a_disk_that_fills_under_the_data_and_the_log_takes_nothing_from_the_players() {
    let Some(disk) = SmallDisk::mount() else { return };
    let log = File::create(disk.outside("log")).expect("a file on the disk");
    let config = ProcessConfig {
        log: log.into(),
        arguments: ["--log", "debug"].map(str::to_owned).to_vec(),
        ..on_disk(&disk)
    };
    let mut server = ServerProcess::start(SERVER, config);
    let (address, http) = (server.address().await, server.http_address().await);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(address, "Ada").await;
    ada.wait_for_ticks(5).await;
    disk.fill_except(0);
    within("failed writes of the journal and of the log", async {
        loop {
            let metrics = get(http, "/metrics").await.body;
            let has_failed = |name| !metrics.contains(&format!("{name} 0\n"));
            if has_failed("quarrel_journal_write_errors_total")
                && has_failed("quarrel_log_lines_dropped_total{reason=\"unwritable\"}")
            {
                break;
            }
            // Each join writes to both.
            let (ben, _) = Player::<Crowd>::connect_and_join(address, "Ben").await;
            ben.disconnect().await;
        }
    })
    .await;
    ada.wait_for_ticks(60).await;
    assert_eq!(get(http, "/livez").await.status, 200);
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "no result waits, so the stop is clean");
}

fn remove_if_exists(path: &Path) {
    if path.exists() {
        fs::remove_file(path).expect("a file of the test");
    }
}
