//! Tests of the database, alone and with the queue in front of it: a locked database, a full disk, another version.

use std::os::unix::fs::PermissionsExt as _;

use quarrel_shared::id::RoomUid;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::*;
use crate::{
    storage::{
        DatabaseFault, MatchId, history::check, newest_matches, records::test_record as record, start,
    },
    telemetry::Metrics,
};

async fn opened() -> (TempDir, SqliteSink) {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = SqliteSink::new(folder.path());
    sink.open().await.unwrap();
    (folder, sink)
}

/// A result of another room, which has a journal.
fn journaled(tick: u32) -> MatchRecord {
    let id = MatchId { room: RoomUid(8), number: tick };
    MatchRecord { id: Some(id), journal: Some("room-1".to_owned()), ..record(tick) }
}

/// A result of a server of the first version, whose room has the same journal name.
fn unidentified(tick: u32) -> MatchRecord {
    MatchRecord { id: None, ..journaled(tick) }
}

/// The results in the database, oldest first.
async fn stored(folder: &TempDir) -> Vec<MatchRecord> {
    let mut records = newest_matches(folder.path(), u32::MAX).await.unwrap();
    records.reverse();
    records
}

#[tokio::test]
async fn every_field_of_a_result_is_read_back_unchanged() {
    let (folder, mut sink) = opened().await;
    let odd = MatchRecord {
        seed: u64::MAX,
        seats: vec![
            SeatRecord { seat: 0, player: Some(7), name: "Ada'; --".into(), bot: false, score: 9, won: true },
            SeatRecord { seat: 9, player: None, name: "Bot 1".into(), bot: true, score: -9, won: false },
            SeatRecord { seat: 65_535, player: None, name: String::new(), bot: false, score: 0, won: false },
        ],
        ..journaled(u32::MAX)
    };
    sink.append(&[odd.clone(), record(2)]).await.unwrap();
    assert_eq!(
        stored(&folder).await,
        [record(2), odd.clone()],
        "results are readable while the server has the database open"
    );
    sink.close().await.unwrap();
    assert_eq!(newest_matches(folder.path(), 1).await.unwrap(), [odd], "and after it has closed it");
}

#[tokio::test]
async fn results_are_listed_by_the_end_of_their_match() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(3), record(1), record(2)]).await.unwrap();
    assert_eq!(stored(&folder).await, [record(1), record(2), record(3)]);
}

#[tokio::test]
async fn reading_the_results_of_a_stopped_server_leaves_no_files() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(1)]).await.unwrap();
    sink.close().await.unwrap();
    let files = || {
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>()
    };
    assert_eq!(files(), [FILE], "a backup needs one file");
    let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only the owner may read it");
    // By default, SQLite creates a write-ahead log and its index for reading, which this user may not be permitted to do.
    assert_eq!(stored(&folder).await, [record(1)]);
    assert_eq!(files(), [FILE]);
}

#[tokio::test]
async fn a_result_that_is_submitted_again_is_stored_once() {
    let (folder, mut sink) = opened().await;
    for _ in 0..2 {
        sink.append(&[journaled(1), record(1), unidentified(1), journaled(1), record(1)]).await.unwrap();
    }
    assert_eq!(stored(&folder).await, [journaled(1), record(1), unidentified(1)]);
}

#[tokio::test]
async fn results_of_two_machines_with_equal_journals_and_ticks_are_kept() {
    let (folder, mut sink) = opened().await;
    let other = MatchRecord { id: Some(MatchId { room: RoomUid(9), number: 1 }), ..journaled(1) };
    sink.append(&[journaled(1), other.clone()]).await.unwrap();
    assert_eq!(stored(&folder).await, [journaled(1), other]);
}

#[tokio::test]
async fn a_database_of_the_first_version_is_read_as_it_is_and_upgraded_by_a_server() {
    let folder = tempfile::tempdir().unwrap();
    create_private(&folder.path().join(FILE)).unwrap();
    let mut connection = options(folder.path()).connect().await.unwrap();
    migrations(1).run_direct(None, &mut connection, false).await.unwrap();
    let insert = "INSERT INTO matches VALUES (1, 1, 'arena', '2', 5, 'room-1', 12000, 1800000000005);
                  INSERT INTO players VALUES (1, 0, 1, 'Ada', FALSE, 4, TRUE)";
    sqlx::raw_sql(insert).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(stored(&folder).await, [unidentified(5)], "as it is");
    let mut sink = SqliteSink::new(folder.path());
    sink.append(&[unidentified(5), journaled(6)]).await.unwrap();
    assert_eq!(stored(&folder).await, [unidentified(5), journaled(6)], "upgraded, and each result once");
}

#[tokio::test]
async fn a_reopened_database_keeps_its_results_and_accepts_new_ones() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(1)]).await.unwrap();
    sink.close().await.unwrap();
    let mut sink = SqliteSink::new(folder.path());
    sink.append(&[record(1), record(2)]).await.unwrap();
    assert_eq!(stored(&folder).await, [record(1), record(2)]);
}

#[tokio::test]
async fn ten_thousand_seats_are_stored_and_a_seat_listed_twice_is_stored_once() {
    let (folder, mut sink) = opened().await;
    let seat = |seat| SeatRecord { seat, ..record(1).seats[0].clone() };
    let crowd = MatchRecord { seats: (0..10_000).map(seat).collect(), ..record(1) };
    let twice = MatchRecord { seats: vec![seat(3), seat(3)], ..record(2) };
    sink.append(&[crowd.clone(), twice]).await.unwrap();
    let stored = stored(&folder).await;
    assert_eq!(stored[0], crowd);
    assert_eq!(stored[1].seats, [seat(3)]);
}

#[tokio::test]
async fn results_wait_while_another_process_locks_the_database() {
    let (folder, sink) = opened().await;
    let mut other = options(folder.path()).connect().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let counts = Metrics::new().results.clone();
    let (records, task) = start(sink, Vec::new(), counts.clone());
    let task = tokio::spawn(task);
    (1..=50).for_each(|tick| records.try_push(record(tick)).unwrap());
    while counts.failed_writes.get() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!((counts.waiting.get(), counts.written.get()), (50, 0), "nothing is lost, nothing is written");
    drop(records);
    lock.rollback().await.unwrap();
    task.await.unwrap();
    assert_eq!(stored(&folder).await, (1..=50).map(record).collect::<Vec<_>>());
    assert_eq!((counts.waiting.get(), counts.written.get()), (0, 50));
}

#[tokio::test]
async fn a_disk_that_was_full_is_written_to_again() {
    let (folder, mut sink) = opened().await;
    let roomy: SqliteConnectOptions = sink.options.clone();
    let (small, seats) = (roomy.clone().pragma("max_page_count", "12"), vec![record(1).seats[0].clone(); 1]);
    sink = SqliteSink { options: small, connection: None, ..sink };
    let long = |tick| MatchRecord { game: "x".repeat(4096), seats: seats.clone(), ..record(tick) };
    let many: Vec<_> = (0..64).map(long).collect();
    for _ in 0..2 {
        let error = sink.append(&many).await.unwrap_err().to_string();
        assert!(error.contains("full"), "{error}");
    }
    assert_eq!(stored(&folder).await, [], "a batch is stored as a whole or not at all");
    sink.options = roomy;
    sink.append(&many).await.unwrap();
    assert_eq!(stored(&folder).await, many);
}

#[tokio::test]
async fn results_of_later_matches_of_a_restored_room_are_deleted() {
    let (folder, mut sink) = opened().await;
    sink.append(&[journaled(1), journaled(2), journaled(3), record(9), unidentified(10)]).await.unwrap();
    let last = MatchId { room: RoomUid(8), number: 2 };
    let room = RolledBack { last, unidentified: None };
    assert_eq!(sink.retract(&room).await.unwrap(), 1);
    assert_eq!(
        stored(&folder).await,
        [journaled(1), journaled(2), record(9), unidentified(10)],
        "results of another machine, of a journal with the same name, stay"
    );
    // The seats of the deleted match are deleted, too, so that the match can be stored when it is played again.
    sink.append(&[journaled(3)]).await.unwrap();
    let of_the_first_version = RolledBack { unidentified: Some(("room-1".to_owned(), 4)), ..room };
    assert_eq!(sink.retract(&of_the_first_version).await.unwrap(), 2);
    assert_eq!(stored(&folder).await, [journaled(1), journaled(2), record(9)]);
}

#[tokio::test]
async fn a_newer_version_s_database_is_refused_with_advice() {
    let (folder, mut sink) = opened().await;
    let later = "INSERT INTO _sqlx_migrations VALUES (99, 'later', '2030-01-01', TRUE, x'00', 0)";
    sqlx::query(later).execute(sink.connection().await.unwrap()).await.unwrap();
    let opened = SqliteSink::new(folder.path()).open().await;
    // Reading reports the same, so that a check of the start does.
    for error in [opened.unwrap_err(), newest_matches(folder.path(), 1).await.unwrap_err()] {
        assert_eq!(error.fault(), DatabaseFault::OtherVersion, "{error}");
        assert!(
            error.to_string().contains("matches.db") && error.to_string().contains("use that version"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_damaged_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let text = "this is not a database, but a letter ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let mut sink = SqliteSink::new(folder.path());
    let error = sink.open().await.unwrap_err();
    assert_eq!(error.fault(), DatabaseFault::Damaged, "{error}");
    assert_eq!(newest_matches(folder.path(), 1).await.unwrap_err().fault(), DatabaseFault::Damaged);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let error = sink.append(&[record(1)]).await.unwrap_err().to_string();
    assert!(error.contains("move it") && !error.contains("version"), "the log must have the advice: {error}");

    std::fs::remove_file(&path).unwrap();
    sink.append(&[record(1)]).await.unwrap();
    assert_eq!(stored(&folder).await, [record(1)], "a new database is created when the old one is gone");
}

#[tokio::test]
async fn a_database_with_a_damaged_page_is_not_of_another_version() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(1)]).await.unwrap();
    sink.close().await.unwrap();
    let path = folder.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    // The first 100 bytes are the header of the file, and the rest of the first page lists the tables.
    bytes[100..4096].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let error = SqliteSink::new(folder.path()).open().await.unwrap_err();
    assert_eq!(error.fault(), DatabaseFault::Damaged, "{error}");
}

#[tokio::test]
async fn a_database_that_is_locked_when_it_is_opened_is_opened_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = options(folder.path()).create_if_missing(true).connect().await.unwrap();
    let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    let mut sink = SqliteSink::new(folder.path());
    let error = sink.open().await.unwrap_err();
    assert_eq!(error.fault(), DatabaseFault::Locked, "{error}");
    lock.rollback().await.unwrap();
    sink.append(&[record(1)]).await.unwrap();
    assert_eq!(stored(&folder).await, [record(1)]);
}

#[tokio::test]
async fn a_database_that_is_a_folder_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(FILE)).unwrap();
    let opened = SqliteSink::new(folder.path()).open().await;
    for error in [opened.unwrap_err(), check(folder.path()).await.unwrap_err()] {
        assert_eq!(error.fault(), DatabaseFault::NotOpenable, "{error}");
    }
}

#[tokio::test]
async fn a_data_directory_whose_name_looks_like_a_database_url_is_an_ordinary_folder() {
    for name in ["file:x", "file:x?mode=memory&y=", "x%20y", ":memory:", "sqlite:x"] {
        // In the current folder, for a relative path that begins with the name.
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(".").unwrap();
        let relative = Path::new(folder.path().file_name().unwrap());
        let mut sink = SqliteSink::new(relative);
        sink.append(&[record(1)]).await.unwrap();
        assert!(relative.join(FILE).metadata().unwrap().len() > 0, "{name}: the file must hold the database");
        assert_eq!(newest_matches(relative, 1).await.unwrap(), [record(1)], "{name}");
        sink.close().await.unwrap();
        assert_eq!(newest_matches(relative, 1).await.unwrap(), [record(1)], "{name}: after the end");
        assert!(check(relative).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_never_ran_has_no_results_and_no_database() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(newest_matches(folder.path(), 10).await.unwrap(), []);
    assert!(!folder.path().join(FILE).exists(), "reading writes nothing");
}
