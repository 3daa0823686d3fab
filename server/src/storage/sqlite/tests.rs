//! The database, by itself and behind the queue: locked, full, another version's.

use std::os::unix::fs::PermissionsExt as _;

use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::*;
use crate::{
    storage::{newest, records::test_record as record, start},
    telemetry::Metrics,
};

async fn opened() -> (TempDir, SqliteSink) {
    let folder = tempfile::tempdir().unwrap();
    let sink = SqliteSink::open(folder.path()).await.unwrap();
    (folder, sink)
}

/// A result of a room that keeps a journal.
fn journaled(tick: u32) -> MatchRecord {
    MatchRecord { journal: Some("room-1".to_owned()), ..record(tick) }
}

/// What is in the database, oldest first.
async fn kept(folder: &TempDir) -> Vec<MatchRecord> {
    let mut records = newest(folder.path(), u32::MAX).await.unwrap();
    records.reverse();
    records
}

#[tokio::test]
async fn every_figure_of_a_result_is_read_back_as_it_was() {
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
    assert_eq!(kept(&folder).await, [record(2), odd.clone()], "also while the server has it open");
    sink.close().await.unwrap();
    assert_eq!(newest(folder.path(), 1).await.unwrap(), [odd], "and when it has ended");
}

#[tokio::test]
async fn a_result_that_is_found_late_is_listed_by_when_its_match_ended() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(3), record(1), record(2)]).await.unwrap();
    assert_eq!(kept(&folder).await, [record(1), record(2), record(3)]);
}

#[tokio::test]
async fn whoever_reads_the_results_of_a_stopped_server_leaves_no_trace() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(1)]).await.unwrap();
    sink.close().await.unwrap();
    let files = || {
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>()
    };
    assert_eq!(files(), [FILE], "one file to copy");
    let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "and nobody else's to read");
    // SQLite's own way to read makes a log and an index of it beside the file, which a reader may not be allowed to.
    assert_eq!(kept(&folder).await, [record(1)]);
    assert_eq!(files(), [FILE]);
}

#[tokio::test]
async fn a_result_that_is_handed_in_again_is_kept_once() {
    let (folder, mut sink) = opened().await;
    for _ in 0..2 {
        sink.append(&[journaled(1), record(1), journaled(1), record(1)]).await.unwrap();
    }
    // Another run of the server numbers its rooms and ticks from the beginning; without a journal the seed and the time tell.
    let later = MatchRecord { ended_at_ms: record(1).ended_at_ms + 1, ..record(1) };
    sink.append(std::slice::from_ref(&later)).await.unwrap();
    assert_eq!(kept(&folder).await, [journaled(1), record(1), later]);
}

#[tokio::test]
async fn a_database_that_is_there_is_gone_on_with() {
    let (folder, mut sink) = opened().await;
    sink.append(&[record(1)]).await.unwrap();
    sink.close().await.unwrap();
    let mut sink = SqliteSink::open(folder.path()).await.unwrap();
    sink.append(&[record(1), record(2)]).await.unwrap();
    assert_eq!(kept(&folder).await, [record(1), record(2)]);
}

#[tokio::test]
async fn a_seat_named_twice_and_ten_thousand_seats_hold_nothing_up() {
    let (folder, mut sink) = opened().await;
    let seat = |seat| SeatRecord { seat, ..record(1).seats[0].clone() };
    let crowd = MatchRecord { seats: (0..10_000).map(seat).collect(), ..record(1) };
    let twice = MatchRecord { seats: vec![seat(3), seat(3)], ..record(2) };
    sink.append(&[crowd.clone(), twice]).await.unwrap();
    let kept = kept(&folder).await;
    assert_eq!(kept[0], crowd);
    assert_eq!(kept[1].seats, [seat(3)]);
}

#[tokio::test]
async fn results_wait_for_as_long_as_another_process_locks_the_database() {
    let (folder, sink) = opened().await;
    let mut other = options(folder.path()).connect().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let counts = Metrics::new().results.clone();
    let (records, task) = start(sink, Vec::new(), counts.clone());
    let task = tokio::spawn(task);
    (1..=50).for_each(|tick| records.add(record(tick)).unwrap());
    while counts.failed_writes.get() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!((counts.waiting.get(), counts.written.get()), (50, 0), "nothing is lost, nothing is written");
    drop(records);
    lock.rollback().await.unwrap();
    task.await.unwrap();
    assert_eq!(kept(&folder).await, (1..=50).map(record).collect::<Vec<_>>());
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
    assert_eq!(kept(&folder).await, [], "all of them or none");
    sink.options = roomy;
    sink.append(&many).await.unwrap();
    assert_eq!(kept(&folder).await, many);
}

#[tokio::test]
async fn what_ended_past_the_tick_of_a_resumed_room_is_taken_back() {
    let (folder, mut sink) = opened().await;
    let other = MatchRecord { journal: Some("room-2".to_owned()), ..record(9) };
    sink.append(&[journaled(1), journaled(2), journaled(3), other.clone(), record(9)]).await.unwrap();
    let undone = Undone { journal: "room-1".to_owned(), after: 2, to: 60 };
    assert_eq!(sink.retract(&undone).await.unwrap(), 1);
    assert_eq!(kept(&folder).await, [journaled(1), journaled(2), other, record(9)]);
    // With all that belonged to it: what is played again has the place for itself.
    sink.append(&[journaled(3), journaled(61)]).await.unwrap();
    assert_eq!(kept(&folder).await.last(), Some(&journaled(61)));
    assert_eq!(
        sink.retract(&undone).await.unwrap(),
        1,
        "what ended in a gap of the journal was seen, and is kept"
    );
    assert_eq!(kept(&folder).await.last(), Some(&journaled(61)));
}

#[tokio::test]
async fn a_newer_versions_database_is_refused_with_what_to_do() {
    let (folder, mut sink) = opened().await;
    let later = "INSERT INTO _sqlx_migrations VALUES (99, 'later', '2030-01-01', TRUE, x'00', 0)";
    sqlx::query(later).execute(sink.connection().await.unwrap()).await.unwrap();
    let error = SqliteSink::open(folder.path()).await.unwrap_err();
    assert!(matches!(error, DatabaseError::OtherVersion { .. }), "{error}");
    assert!(
        error.to_string().contains("matches.db") && error.to_string().contains("use that version"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let text = "this is no database, but somebody's letter ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(SqliteSink::open(folder.path()).await, Err(DatabaseError::Unusable { .. })));
    assert!(newest(folder.path(), 1).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_server_that_never_ran_has_no_results_and_gets_no_database() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(newest(folder.path(), 10).await.unwrap(), []);
    assert!(!folder.path().join(FILE).exists(), "asking writes nothing");
}
