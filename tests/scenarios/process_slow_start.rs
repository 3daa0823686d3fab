//! A start that reads the journals of earlier runs for a long time is live, is not ready, and ends at a stop signal.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::Command,
};

use quarrel_harness::{LogFile, Player, ProcessConfig, ServerProcess, http::get, until, within};
use quarrel_server::storage::journals::JournalName;
use quarrel_shared::crowd::Crowd;
use tempfile::TempDir;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// The journals of two rooms that take as long to read as the test wants, because they are FIFOs.
struct SlowJournals {
    data_dir: TempDir,
    first: File,
    second: File,
}

impl SlowJournals {
    fn new() -> Self {
        let data_dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(data_dir.path().join("journals")).expect("a folder");
        let [first, second] = [1, 2].map(|room| make_fifo(&journal(data_dir.path(), room)));
        Self { data_dir, first, second }
    }

    fn start(&self, log: &LogFile) -> ServerProcess {
        let data_dir = Some(self.data_dir.path().to_owned());
        ServerProcess::start(
            SERVER,
            ProcessConfig { log: log.writer(), data_dir, ..ProcessConfig::default() },
        )
    }
}

/// Ends the reading of a journal, which is empty.
fn finish(data_dir: &Path, room: u64, fifo: File) {
    // First an empty file takes the name, because opening a FIFO that has no writer would wait.
    let empty = data_dir.join("empty");
    File::create(&empty).expect("a file");
    fs::rename(empty, journal(data_dir, room)).expect("a new name");
    drop(fifo);
}

fn journal(data_dir: &Path, room: u64) -> PathBuf {
    data_dir.join("journals").join(JournalName { run: 1, room }.to_string())
}

/// Makes a FIFO, and opens it for writing. Its reader finds no end until the file is dropped.
fn make_fifo(path: &Path) -> File {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo must create a FIFO");
    // For reading too, because opening a FIFO for writing only waits for a reader.
    OpenOptions::new().read(true).write(true).open(path).expect("a FIFO")
}

#[tokio::test]
async fn a_server_that_reads_journals_is_live_and_starts_when_they_are_read() {
    let (journals, log) = (SlowJournals::new(), LogFile::new());
    let mut server = journals.start(&log);
    let http = server.http_address().await;
    for (path, status) in [("/startupz", 503), ("/readyz", 503), ("/livez", 200), ("/metrics", 200)] {
        let answer = get(http, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    finish(journals.data_dir.path(), 1, journals.first);
    assert_eq!(get(http, "/startupz").await.status, 503, "one journal is not read yet");
    finish(journals.data_dir.path(), 2, journals.second);
    within("the end of the start", async { while get(http, "/startupz").await.status != 200 {} }).await;
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(1).await;
    assert_eq!(get(http, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_stop_signal_ends_a_start_after_the_journal_that_is_being_read() {
    let (journals, log) = (SlowJournals::new(), LogFile::new());
    let mut server = journals.start(&log);
    let http = server.http_address().await;
    assert_eq!(get(http, "/startupz").await.status, 503);
    server.signal("TERM");
    log.wait_for("signal received, shutting down").await;
    // The second journal stays without an end, so the test fails if the server reads it.
    finish(journals.data_dir.path(), 1, journals.first);
    assert_eq!(server.wait_for_exit().await.code(), Some(0), "{}", log.text());
    log.must_contain("stopped while reading journals, the next start reads them again");
    assert!(
        journal(journals.data_dir.path(), 2).exists(),
        "a journal that was not read must stay for the next start"
    );
    drop(journals.second);
}

#[tokio::test]
async fn a_hang_up_while_journals_are_read_is_applied_after_the_start() {
    let (journals, log) = (SlowJournals::new(), LogFile::new());
    let mut server = journals.start(&log);
    let http = server.http_address().await;
    server.signal("HUP");
    log.wait_for("signal received, reloading").await;
    assert_eq!(get(http, "/startupz").await.status, 503);
    finish(journals.data_dir.path(), 1, journals.first);
    finish(journals.data_dir.path(), 2, journals.second);
    log.wait_for("configuration reloaded").await;
}

#[tokio::test]
async fn a_second_stop_signal_ends_a_start_whose_disk_does_not_answer() {
    let (journals, log) = (SlowJournals::new(), LogFile::new());
    let mut server = journals.start(&log);
    server.http_address().await;
    server.signal("TERM");
    log.wait_for("signal received, shutting down").await;
    let mut status = None;
    until("the end of the server", || {
        status = server.child().try_wait().expect("the process must be known");
        // Signals within half a second of the first are one request, so the test repeats them.
        status.is_some() || {
            server.signal("TERM");
            false
        }
    })
    .await;
    assert_eq!(status.and_then(|status| status.code()), Some(128 + 15), "{}", log.text());
}
