//! Journal retention: a running server deletes old journals, and never that of a room which runs or will be restored.

use std::{
    fs::{self, File},
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_harness::{Player, ProcessConfig, ServerProcess, http::get, start_with_journals, until, within};
use quarrel_server::storage::journals::{JournalName, JournalStore as _, MemoryStore};
use quarrel_shared::{crowd::Crowd, journal::block::TRAILER};
use serde_json::json;

/// The name of a room's journal in the first run.
const fn name(room: u64) -> JournalName {
    JournalName { run: 1, room }
}

/// Stores bytes that end like the journal of an ended room, more than half a megabyte.
fn put_ended(journals: &MemoryStore, room: u64) {
    let mut file = journals.create(name(room)).expect("memory");
    file.append(&vec![0; 600_000]).expect("memory");
    file.append(&TRAILER).expect("memory");
}

fn names(journals: &MemoryStore) -> Vec<JournalName> {
    journals.list().expect("memory").iter().map(|kept| kept.name).collect()
}

#[tokio::test]
async fn the_oldest_journals_are_deleted_and_a_restored_room_keeps_its_own() {
    let journals = MemoryStore::default();
    let saved = start_with_journals::<Crowd>(1, Some(Arc::new(journals.clone())), &[]);
    let (_ada, _) = Player::<Crowd>::connect_and_join(saved.address(), "Ada").await;
    assert!(saved.shutdown_and_save().await);
    assert_eq!(names(&journals), [name(1)], "the saved room must leave one journal");
    put_ended(&journals, 2);
    put_ended(&journals, 3);

    let bounds = [("journal.keep_mb", "1")];
    let server = start_with_journals::<Crowd>(2, Some(Arc::new(journals.clone())), &bounds);
    let count = &server.metrics().journals;
    until("the first check of the journals", || count.kept.get() > 0).await;
    assert_eq!(
        names(&journals),
        [name(1), name(3)],
        "the oldest journal without a restored room must be deleted"
    );
    assert_eq!((count.kept.get(), count.deleted.get(), count.deleted_bytes.get()), (2, 1, 600_008));
    let http = server.http_address().expect("an admin HTTP server");
    let rooms = get(http, "/v1/rooms").await.json();
    assert_eq!(rooms["rooms"][0]["journal"], json!(name(1).to_string()), "{rooms}");
    let metrics = get(http, "/metrics").await.body;
    for line in ["quarrel_journals_kept 2", "quarrel_journals_deleted_total 1"] {
        assert!(metrics.lines().any(|rendered| rendered == line), "`{line}` must be in\n{metrics}");
    }
    assert!(server.shutdown().await);
}

#[tokio::test]
async fn without_bounds_every_journal_is_kept() {
    let journals = MemoryStore::default();
    put_ended(&journals, 1);
    put_ended(&journals, 2);
    let bounds = [("journal.keep_mb", "0"), ("journal.keep_hours", "0")];
    let server = start_with_journals::<Crowd>(2, Some(Arc::new(journals.clone())), &bounds);
    let count = &server.metrics().journals;
    until("the first check of the journals", || count.kept.get() == 2).await;
    assert_eq!((names(&journals).len(), count.deleted.get()), (2, 0));
    assert!(server.shutdown().await);
}

/// The files of ten years ago stand for a clock that is ten years ahead.
#[tokio::test]
async fn a_start_with_a_clock_that_is_ahead_deletes_no_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, journals) = (folder.path().join("log"), folder.path().join("data/journals"));
    fs::create_dir_all(&journals).expect("a folder");
    let past = SystemTime::now() - Duration::from_secs(10 * 365 * 86_400);
    for room in [1, 2] {
        let path = journals.join(name(room).to_string());
        fs::write(&path, [&[0; 8][..], &TRAILER].concat()).expect("a file");
        let file = File::options().write(true).open(path).expect("the file");
        file.set_modified(past).expect("a file system with times");
    }
    let config = ProcessConfig {
        log: Stdio::from(File::create(&log).expect("a file for the log")),
        data_dir: Some(folder.path().join("data")),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(env!("CARGO_BIN_EXE_test-server"), config);
    let http = server.http_address().await;
    let checked = async { while !get(http, "/metrics").await.body.contains("quarrel_journals_kept 2\n") {} };
    within("the first check of the journals, which keeps both", checked).await;
    until("a warning", || {
        fs::read_to_string(&log).expect("the log").contains("the clock is ahead of the newest journal")
    })
    .await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
    assert_eq!(fs::read_dir(&journals).expect("the folder").count(), 2);
}
