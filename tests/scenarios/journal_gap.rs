//! Journal gaps: a match that ends during a gap is noted after it, and a planned restart saves the room or reports that it
//! could not.

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

/// The metric of journals that currently have a gap.
const IN_GAP: &str = "quarrel_journals_in_gap";

fn notes(disk: &FaultyStore) -> Vec<(Tick, Annotation)> {
    let bytes = disk.read(NAME).unwrap_or_default();
    Journal::open(&bytes)
        .map(|journal| journal.annotations().filter_map(Result::ok).collect())
        .unwrap_or_default()
}

/// Starts a server and fills its disk until the room learns of the fault.
async fn in_a_gap(disk: &FaultyStore) -> (TestServer<Levers>, Player<Levers>) {
    let server = TestServer::<Levers>::start_with_disk(&[], disk);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(15).await;
    disk.set_fault(Fault::Full);
    until("a gap in the journal", || server.metric(IN_GAP) > 0.0).await;
    (server, ada)
}

/// Starts a server with a gap in its journal, in which the match then ends.
async fn over_in_a_gap(disk: &FaultyStore) -> (TestServer<Levers>, Player<Levers>) {
    let (server, ada) = in_a_gap(disk).await;
    ada.set_input(Lever::Finish);
    let records = server.records();
    until("the end of the match", || !records().is_empty()).await;
    (server, ada)
}

#[tokio::test]
async fn a_match_that_ends_while_the_disk_is_full_is_noted_after_the_fault() {
    let disk = FaultyStore::default();
    let (server, ada) = over_in_a_gap(&disk).await;
    // Long enough for one failed attempt to restart the journal.
    let errors = "quarrel_journal_write_errors_total";
    let before = server.metric(errors);
    until("another failed attempt", || server.metric(errors) > before).await;
    disk.set_fault(Fault::None);
    let is_noted = |(_, note): &(Tick, Annotation)| matches!(note, Annotation::Outcome { .. });
    until("the result's annotation", || notes(&disk).iter().any(is_noted)).await;
    assert_eq!(notes(&disk).iter().filter(|note| is_noted(note)).count(), 1, "a result must be noted once");
    until("the end of the gap", || server.metric(IN_GAP) == 0.0).await;
    drop(ada);
    assert!(server.shutdown().await);
}

#[tokio::test]
async fn a_stalled_disk_does_not_end_a_gap() {
    let disk = FaultyStore::default();
    let (server, mut ada) = over_in_a_gap(&disk).await;
    ada.set_input(Lever::None);
    disk.set_fault(Fault::Stalled);
    until("an attempt to restart that waits for the disk", || disk.is_blocking()).await;
    ada.wait_for_ticks(30).await;
    assert_eq!(server.metric(IN_GAP), 1.0, "the gap must last until the attempt succeeds");
    let errors = "quarrel_journal_write_errors_total";
    let before = server.metric(errors);
    disk.set_fault(Fault::Full);
    until("the failure of the attempt", || server.metric(errors) > before).await;
    disk.set_fault(Fault::None);
    let is_noted = |(_, note): &(Tick, Annotation)| matches!(note, Annotation::Outcome { .. });
    until("the result's annotation", || notes(&disk).iter().any(is_noted)).await;
    assert_eq!(notes(&disk).iter().filter(|note| is_noted(note)).count(), 1, "a result must be noted once");
    assert!(server.shutdown().await);
}

#[tokio::test]
async fn a_match_that_ends_in_a_gap_is_noted_by_a_room_that_stops_in_it() {
    let disk = FaultyStore::default();
    let (server, _ada) = over_in_a_gap(&disk).await;
    disk.set_fault(Fault::None);
    assert!(server.shutdown().await);
    let outcomes = notes(&disk).into_iter().filter(|(_, note)| matches!(note, Annotation::Outcome { .. }));
    assert_eq!(outcomes.count(), 1);
}

#[tokio::test]
async fn a_room_is_saved_at_the_stop_when_its_disk_has_recovered() {
    let disk = FaultyStore::default();
    let (server, _ada) = in_a_gap(&disk).await;
    disk.set_fault(Fault::None);
    assert!(server.shutdown_and_save().await, "a stop after the fault must save the room");
    let annotations = notes(&disk);
    let Some((saved, Annotation::Saved)) = annotations.last() else {
        panic!("the last annotation must be the save: {annotations:?}")
    };
    let bytes = disk.read(NAME).expect("the journal");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!(journal.checkpoints().last(), Some(*saved), "the saved state must be that of the stop");
}

#[tokio::test]
async fn a_stop_reports_a_room_that_cannot_be_saved() {
    let disk = FaultyStore::default();
    let (server, _ada) = in_a_gap(&disk).await;
    assert!(!server.shutdown_and_save().await, "a stop that loses a room must report it");
}

#[tokio::test]
async fn a_stop_reports_a_room_whose_saved_state_cannot_be_flushed_to_the_disk() {
    let disk = FaultyStore::default();
    let server = TestServer::<Levers>::start_with_disk(&[], &disk);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(1).await;
    disk.set_fault(Fault::Unsyncable);
    assert!(!server.shutdown_and_save().await, "a power loss may lose a state that is not flushed");
}
