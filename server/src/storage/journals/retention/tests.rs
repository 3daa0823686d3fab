//! What is deleted, in which order, and what never is.

use std::fs::{self, File};

use quarrel_shared::{
    crowd::Crowd,
    game::{Game, Setup},
    journal::{Header, Packer, Piece},
    tick::{Tick, TickRate},
};

use super::*;
use crate::storage::journals::Folder;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 10_000 * HOUR
}

/// A journal of this room and size that was written to last so many hours ago.
fn kept(room: u64, bytes: u64, hours: u32) -> Kept {
    let name = JournalName { run: 1, room };
    Kept { name, bytes, modified: Some(now() - hours * HOUR), is_aside: false }
}

fn rooms(doomed: &[Kept]) -> Vec<u64> {
    doomed.iter().map(|kept| kept.name.room).collect()
}

fn bounds(hours: Option<u32>, bytes: Option<u64>) -> Bounds {
    Bounds { age: hours.map(|hours| hours * HOUR), bytes }
}

#[test]
fn without_a_bound_nothing_is_deleted() {
    let all = [kept(1, u64::MAX / 2, 9_000), kept(2, 1, 0)];
    assert_eq!(doomed(&all, |_| true, now(), bounds(None, None)), []);
}

#[test]
fn what_is_older_than_its_time_goes_and_what_is_as_old_stays() {
    let all = [kept(1, 10, 3), kept(2, 10, 2), kept(3, 10, 4)];
    assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(Some(2), None))), [3, 1], "the oldest first");
}

#[test]
fn the_oldest_go_until_the_rest_is_small_enough() {
    let all = [kept(1, 10, 1), kept(2, 10, 3), kept(3, 10, 2), kept(4, 10, 4)];
    assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(None, Some(20)))), [4, 2]);
    assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(None, Some(19)))), [4, 2, 3]);
    assert_eq!(doomed(&all, |_| true, now(), bounds(None, Some(40))), [], "40 bytes are as many as may be");
}

#[test]
fn both_bounds_hold_together() {
    let all = [kept(1, 10, 9), kept(2, 10, 3), kept(3, 10, 2)];
    let found = doomed(&all, |_| true, now(), bounds(Some(5), Some(10)));
    assert_eq!(rooms(&found), [1, 2], "one is too old, and then the oldest is too much");
}

#[test]
fn a_journal_without_an_end_stays_and_its_bytes_count() {
    let all = [kept(1, 100, 9), kept(2, 10, 3), kept(3, 10, 2)];
    let mut asked = Vec::new();
    let has_end = |kept: &Kept| {
        asked.push(kept.name.room);
        kept.name.room != 1
    };
    assert_eq!(rooms(&doomed(&all, has_end, now(), bounds(Some(5), Some(110)))), [2]);
    assert_eq!(asked, [1, 2], "nobody reads a file that is within its bounds");
}

#[test]
fn what_was_written_a_moment_ago_stays_whatever_the_bounds() {
    let fresh = Kept { modified: Some(now() - LEAST_AGE / 2), ..kept(1, 10, 0) };
    let of_tomorrow = Kept { modified: Some(now() + HOUR), ..kept(2, 10, 0) };
    let all = [fresh, of_tomorrow, kept(3, 10, 1)];
    assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(Some(0), Some(0)))), [3]);
}

#[test]
fn a_store_that_knows_no_ages_keeps_to_the_size_alone() {
    let all = [kept(1, 10, 9), kept(2, 10, 9)].map(|kept| Kept { modified: None, ..kept });
    assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(Some(1), Some(10)))), [1], "by name, then");
}

#[test]
fn what_was_set_aside_goes_like_the_others_and_needs_no_end() {
    let all = [Kept { is_aside: true, ..kept(1, 10, 9) }, Kept { is_aside: true, ..kept(2, 10, 1) }];
    assert_eq!(rooms(&doomed(&all, |_| false, now(), bounds(Some(5), None))), [1]);
}

/// A journal in a folder, of a room that has ended or not, last written to so many hours ago.
fn write(folder: &std::path::Path, room: u64, has_ended: bool, hours: u32) -> JournalName {
    let setup = Setup {
        settings: <Crowd as Game>::Settings::default(),
        seed: 1,
        seats: 1,
        tick_rate: TickRate::DEFAULT,
    };
    let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
    packer.pack(&Piece::header(&Header::of::<Crowd>(&setup).unwrap()), &mut bytes).unwrap();
    if has_ended {
        packer.end("room_closed", Tick(0), &mut bytes);
    }
    let name = JournalName { run: 1, room };
    let path = folder.join(name.to_string());
    fs::write(&path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(now() - hours * HOUR).unwrap();
    name
}

#[tokio::test]
async fn a_folder_is_kept_within_its_bounds_and_it_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let ended = write(folder.path(), 1, true, 9);
    let running = write(folder.path(), 2, false, 9);
    let newer = write(folder.path(), 3, true, 1);
    let broken = write(folder.path(), 4, false, 9);
    store.set_aside(broken, "it is torn").unwrap();
    fs::write(folder.path().join("notes.txt"), "not ours").unwrap();
    let (metrics, stop) = (Metrics::new(), CancellationToken::new());
    let wall = WallClock::new(now);
    let keep = run(Arc::new(store.clone()), bounds(Some(5), None), wall, Arc::clone(&metrics), stop.clone());
    let keep = tokio::spawn(keep);
    while metrics.journals.kept.get() == 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    keep.await.unwrap();
    let names: Vec<_> = store.list().unwrap().iter().map(|kept| kept.name).collect();
    assert_eq!(
        names,
        [running, newer],
        "{ended} is gone, and the room without an end can still be brought back"
    );
    assert_eq!(store.list_aside().unwrap().len(), 1, "it was set aside just now, however old it is");
    assert_eq!((metrics.journals.deleted.get(), metrics.journals.kept.get()), (1, 3));
    assert!(metrics.journals.deleted_bytes.get() > 0 && metrics.journals.kept_bytes.get() > 0);
    assert_eq!(metrics.journals.retention_errors.get(), 0);
    assert!(folder.path().join("notes.txt").exists(), "what is no journal is nobody's to delete");
}
