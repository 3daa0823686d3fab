//! What happens while a room's journal has a gap is not lost with it: a match's end is noted behind it, and a planned restart saves
//! the room or says that it could not.

use quarrel_harness::{
    Player, TestServer,
    faulty_store::{Fault, FaultyStore},
    games::{Lever, Levers},
    until,
};
use quarrel_server::storage::journals::{JournalName, JournalStore as _};
use quarrel_shared::{
    journal::{Annotation, Journal},
    tick::Tick,
};

const NAME: JournalName = JournalName { run: 1, room: 1 };

/// How many journals have a gap just now.
const IN_GAP: &str = "quarrel_journals_in_gap";

fn notes(disk: &FaultyStore) -> Vec<(Tick, Annotation)> {
    let bytes = disk.read(NAME).unwrap_or_default();
    Journal::open(&bytes)
        .map(|journal| journal.annotations().filter_map(Result::ok).collect())
        .unwrap_or_default()
}

/// A server whose disk has been full for so long that its room has heard of it.
async fn in_a_gap(disk: &FaultyStore) -> (TestServer<Levers>, Player<Levers>) {
    let server = TestServer::<Levers>::start_with_disk(&[], disk);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(15).await;
    disk.set_fault(Fault::Full);
    until("the room has heard of it", || server.metric(IN_GAP) > 0.0).await;
    (server, ada)
}

/// The same, and its match is over.
async fn over_in_a_gap(disk: &FaultyStore) -> (TestServer<Levers>, Player<Levers>) {
    let (server, ada) = in_a_gap(disk).await;
    ada.set_input(Lever::Finish);
    let records = server.records();
    until("the match is over", || !records().is_empty()).await;
    (server, ada)
}

#[tokio::test]
async fn a_match_that_ends_while_the_disk_is_full_is_noted_when_it_is_well_again() {
    let disk = FaultyStore::default();
    let (server, ada) = over_in_a_gap(&disk).await;
    // Long enough for a try to begin anew that fails.
    let errors = "quarrel_journal_write_errors_total";
    let before = server.metric(errors);
    until("another try that fails", || server.metric(errors) > before).await;
    disk.set_fault(Fault::None);
    let is_noted = |(_, note): &(Tick, Annotation)| matches!(note, Annotation::Outcome { .. });
    until("the result's note", || notes(&disk).iter().any(is_noted)).await;
    assert_eq!(notes(&disk).iter().filter(|note| is_noted(note)).count(), 1, "once");
    until("no gap is left", || server.metric(IN_GAP) == 0.0).await;
    drop(ada);
    assert!(server.shutdown().await);
}

#[tokio::test]
async fn a_disk_that_stands_still_is_no_sign_that_the_journal_goes_on() {
    let disk = FaultyStore::default();
    let (server, mut ada) = over_in_a_gap(&disk).await;
    ada.set_input(Lever::None);
    disk.set_fault(Fault::Stalled);
    until("a try to begin anew that waits for the disk", || disk.is_blocking()).await;
    ada.wait_for_ticks(30).await;
    assert_eq!(server.metric(IN_GAP), 1.0, "nobody knows yet what becomes of it");
    let errors = "quarrel_journal_write_errors_total";
    let before = server.metric(errors);
    disk.set_fault(Fault::Full);
    until("it fails", || server.metric(errors) > before).await;
    disk.set_fault(Fault::None);
    let is_noted = |(_, note): &(Tick, Annotation)| matches!(note, Annotation::Outcome { .. });
    until("the result's note", || notes(&disk).iter().any(is_noted)).await;
    assert_eq!(notes(&disk).iter().filter(|note| is_noted(note)).count(), 1, "once");
    assert!(server.shutdown().await);
}

#[tokio::test]
async fn a_match_that_ends_in_a_gap_is_noted_by_a_room_that_ends_in_it() {
    let disk = FaultyStore::default();
    let (server, _ada) = over_in_a_gap(&disk).await;
    disk.set_fault(Fault::None);
    assert!(server.shutdown().await);
    let outcomes = notes(&disk).into_iter().filter(|(_, note)| matches!(note, Annotation::Outcome { .. }));
    assert_eq!(outcomes.count(), 1);
}

#[tokio::test]
async fn a_room_whose_disk_is_well_again_at_the_stop_is_saved_as_it_is() {
    let disk = FaultyStore::default();
    let (server, _ada) = in_a_gap(&disk).await;
    disk.set_fault(Fault::None);
    assert!(server.shutdown_and_save().await, "nothing of it is lost but the gap");
    let told = notes(&disk);
    let Some((saved, Annotation::Saved)) = told.last() else { panic!("it is saved: {told:?}") };
    let bytes = disk.read(NAME).expect("the journal");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!(journal.checkpoints().last(), Some(*saved), "as it was at the stop");
}

#[tokio::test]
async fn a_room_that_cannot_be_saved_is_told_of() {
    let disk = FaultyStore::default();
    let (server, _ada) = in_a_gap(&disk).await;
    assert!(!server.shutdown_and_save().await, "whoever stops it must not be told that nothing is lost");
}
