//! Old journals are deleted by a server that runs, and never one of a room that runs or will.

use std::sync::Arc;

use quarrel_harness::{Player, http::get, start_with_journals, until};
use quarrel_server::storage::journals::{JournalName, JournalStore as _, MemoryStore};
use quarrel_shared::{crowd::Crowd, journal::block::TRAILER};
use serde_json::json;

/// A room's journal of the first run.
const fn name(room: u64) -> JournalName {
    JournalName { run: 1, room }
}

/// Something that ends as a journal of a room that is over, and is larger than half a megabyte.
fn put_ended(journals: &MemoryStore, room: u64) {
    let mut file = journals.create(name(room)).expect("memory");
    file.append(&vec![0; 600_000]).expect("memory");
    file.append(&TRAILER).expect("memory");
}

fn names(journals: &MemoryStore) -> Vec<JournalName> {
    journals.list().expect("memory").iter().map(|kept| kept.name).collect()
}

#[tokio::test]
async fn the_oldest_go_and_the_room_that_goes_on_keeps_its_journal() {
    let journals = MemoryStore::default();
    let saved = start_with_journals::<Crowd>(1, Some(Arc::new(journals.clone())), &[]);
    let (_ada, _) = Player::<Crowd>::connect_and_join(saved.address(), "Ada").await;
    assert!(saved.shutdown_and_save().await);
    assert_eq!(names(&journals), [name(1)], "the room's journal, without an end");
    put_ended(&journals, 2);
    put_ended(&journals, 3);

    let bounds = [("journal.keep_mb", "1")];
    let server = start_with_journals::<Crowd>(2, Some(Arc::new(journals.clone())), &bounds);
    let count = &server.metrics().journals;
    until("the first look at the journals", || count.kept.get() > 0).await;
    assert_eq!(names(&journals), [name(1), name(3)], "not the oldest, whose room goes on, but the next");
    assert_eq!((count.kept.get(), count.deleted.get(), count.deleted_bytes.get()), (2, 1, 600_008));
    let http = server.http_address().expect("an operator's plane");
    let rooms = get(http, "/v1/rooms").await.json();
    assert_eq!(rooms["rooms"][0]["journal"], json!(name(1).to_string()), "{rooms}");
    let metrics = get(http, "/metrics").await.body;
    for line in ["quarrel_journals_kept 2", "quarrel_journals_deleted_total 1"] {
        assert!(metrics.lines().any(|rendered| rendered == line), "`{line}` must be in\n{metrics}");
    }
    assert!(server.shutdown().await);
}

#[tokio::test]
async fn without_bounds_everything_stays() {
    let journals = MemoryStore::default();
    put_ended(&journals, 1);
    put_ended(&journals, 2);
    let bounds = [("journal.keep_mb", "0"), ("journal.keep_hours", "0")];
    let server = start_with_journals::<Crowd>(2, Some(Arc::new(journals.clone())), &bounds);
    let count = &server.metrics().journals;
    until("the first look at the journals", || count.kept.get() == 2).await;
    assert_eq!((names(&journals).len(), count.deleted.get()), (2, 0));
    assert!(server.shutdown().await);
}
