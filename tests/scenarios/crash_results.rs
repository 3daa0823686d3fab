//! Match results across a server kill: each result is stored once, none is lost, and none of a match that was rolled back
//! stays.

use std::collections::BTreeSet;

use quarrel_client::Joined;
use quarrel_harness::{
    KillableServer, Player,
    killable_server::{PersistedState, wait_for_resume},
    until,
};
use quarrel_server::storage::{
    MatchId, MatchRecord,
    journals::{JournalName, JournalStore as _},
};
use quarrel_shared::{
    arena::Arena,
    journal::{Annotation, Chunk, ChunkKind, Journal, JournalWriter, block::Block},
    tick::Tick,
};

/// The first room of the first run.
const FIRST: JournalName = JournalName { run: 1, room: 1 };

/// Matches that end with the first score.
const SHORT_MATCHES: &[(&str, &str)] = &[
    ("room.seats", "8"),
    ("room.bots", "7"),
    ("game.settings.score_to_win", "1"),
    ("game.settings.result_s", "1"),
];

/// Kills a server after this number of matches ended and were stored; returns what is left of it and its one player.
async fn killed_after(matches: usize) -> (PersistedState, Player<Arena>, Joined) {
    let server = KillableServer::start::<Arena>(SHORT_MATCHES);
    let (mut ada, joined) = Player::<Arena>::connect_and_join(server.address(), "Ada").await;
    let written = server.persisted().records.clone();
    until("finished matches", || written.records().len() >= matches).await;
    let end = written.records()[matches - 1].tick;
    // Long enough for its annotation to reach the journal.
    ada.wait_for_view("a view after the match", |view| view.tick.0 > end + 45).await;
    (server.kill(), ada, joined)
}

/// Cuts the journal before the annotation of the last result and `blocks_more` blocks before it. Returns the result.
fn cut(persisted: &PersistedState, blocks_more: usize) -> MatchRecord {
    let bytes = persisted.journals.read(FIRST).expect("the journal");
    let journal = Journal::open(&bytes).expect("a journal");
    let is_outcome = |block: &Block| {
        let note = || serde_json::from_slice(journal.payload(block));
        block.kind == ChunkKind::Annotation && matches!(note(), Ok(Annotation::Outcome { .. }))
    };
    let at = journal.blocks().iter().rposition(is_outcome).expect("a result");
    let Ok(Annotation::Outcome { record }) = serde_json::from_slice(journal.payload(&journal.blocks()[at]))
    else {
        panic!("the block must hold an outcome");
    };
    let end = journal.blocks()[at - blocks_more].offset as u64;
    drop(persisted.journals.reopen(FIRST, end).expect("memory"));
    serde_json::from_value(record).expect("a record")
}

/// Appends this number of older results to the journal, like those of a room that has run for days.
fn add_results(persisted: &PersistedState, count: u32) {
    let bytes = persisted.journals.read(FIRST).expect("the journal");
    let journal = Journal::open(&bytes).expect("a journal");
    let (mut writer, mut more) = (JournalWriter::resume(&journal).expect("memory"), Vec::new());
    let from = writer.position().bytes;
    let template = persisted.records.records()[0].clone();
    for tick in 1..=count {
        let ended_at_ms = template.ended_at_ms - u64::from(count - tick);
        let id = template.id.map(|id| MatchId { number: 1000 + tick, ..id });
        let record = MatchRecord { id, tick, ended_at_ms, ..template.clone() };
        let record = serde_json::to_value(record).expect("JSON");
        writer
            .write(&Chunk::annotation(&Annotation::Outcome { record }, journal.last_tick()), &mut more)
            .expect("memory");
    }
    let mut file = persisted.journals.reopen(FIRST, from).expect("memory");
    file.append(&more).expect("memory");
}

/// Asserts that no match has two results.
fn assert_unique(records: &[MatchRecord]) {
    let matches: BTreeSet<_> =
        records.iter().map(|record| record.id.expect("an identity").to_string()).collect();
    assert_eq!(matches.len(), records.len(), "{records:?}");
}

#[tokio::test]
async fn results_are_stored_once_and_recovered_from_the_journal_when_the_storage_lacks_them() {
    let (persisted, mut ada, before) = killed_after(3).await;
    let written = persisted.records.records();
    let server = persisted.start::<Arena>(SHORT_MATCHES);
    let joined = wait_for_resume(&mut ada, &before).await;
    let restored = joined.restored.expect("a restored room").0;
    let expected: Vec<_> = written.into_iter().filter(|record| record.tick <= restored).collect();
    assert!(expected.len() >= 3);
    let now = server.persisted().records.clone();
    until("another match", || now.records().len() > expected.len()).await;
    assert_eq!(now.records()[..expected.len()], expected, "stored results must not change");
    let next = now.records()[expected.len()].clone();
    let last = expected.last().expect("a result").tick;
    let ticks = u64::from(next.tick - last);
    assert_eq!(
        next.duration_ms,
        ticks * 1000 / u64::from(joined.rate.hz()),
        "the duration of an interrupted match must count from its start before the crash"
    );
    assert_unique(&now.records());

    let server = server.kill().without_records().start::<Arena>(SHORT_MATCHES);
    let again = server.persisted().records.clone();
    until("the results", || again.records().len() >= expected.len()).await;
    assert_eq!(again.records()[..expected.len()], expected, "results must be recovered from the journal");
}

#[tokio::test]
async fn a_restored_room_stores_more_results_than_the_queue_holds() {
    let (persisted, mut ada, before) = killed_after(1).await;
    let ended = persisted.records.records()[0].tick;
    let count = 3000;
    add_results(&persisted, count);
    let server = persisted.without_records().start::<Arena>(SHORT_MATCHES);
    wait_for_resume(&mut ada, &before).await;
    let records = server.persisted().records.clone();
    until("every result", || records.records().len() >= count as usize).await;
    let ticks: BTreeSet<_> = records.records().iter().map(|record| record.tick).collect();
    assert!(
        (1..=count).chain([ended]).all(|tick| ticks.contains(&tick)),
        "every result must be stored: they differ by their ticks"
    );
    assert_unique(&records.records());
}

#[tokio::test]
async fn a_result_whose_annotation_was_lost_is_recovered_by_a_replay() {
    let (persisted, _ada, _) = killed_after(2).await;
    let lost = cut(&persisted, 0);
    let persisted = persisted.without_records();
    let server = persisted.start::<Arena>(SHORT_MATCHES);
    let records = server.persisted().records.clone();
    let is_it = |record: &&MatchRecord| record.is_same_match(&lost);
    until("the result", || records.records().iter().any(|record| is_it(&record))).await;
    let found = records.records().iter().find(is_it).expect("the recovered result").clone();
    assert_eq!(
        MatchRecord { ended_at_ms: lost.ended_at_ms, ..found.clone() },
        lost,
        "a recovered result must equal the lost one but for the time of day"
    );
    assert!(found.ended_at_ms.abs_diff(lost.ended_at_ms) < 2000, "the time of day must be right within 2 s");

    // Also recovered when that run ends before it writes the annotation again.
    let server = server.kill().without_records().start::<Arena>(SHORT_MATCHES);
    let records = server.persisted().records.clone();
    until("the result", || records.records().contains(&found)).await;
    assert_unique(&records.records());
}

#[tokio::test]
async fn results_of_a_room_that_waits_for_another_start_survive_a_stop_in_between() {
    let (persisted, ada, _) = killed_after(2).await;
    drop(ada);
    let (expected, persisted) = (persisted.records.records(), persisted.without_records());
    let settings = [SHORT_MATCHES, &[("journal.write", "off")]].concat();
    let server = persisted.start::<Arena>(&settings);
    let persisted = tokio::task::spawn_blocking(|| server.restart()).await.expect("a server that stops");
    let server = persisted.start::<Arena>(SHORT_MATCHES);
    assert_eq!(server.metric("quarrel_rooms_resumed_total"), 1.0);
    let records = server.persisted().records.clone();
    let is_there = |wanted: &MatchRecord| records.records().iter().any(|record| record.is_same_match(wanted));
    until("the results", || expected[..2].iter().all(is_there)).await;
    assert_unique(&records.records());
}

#[tokio::test]
async fn a_result_of_a_match_that_was_rolled_back_is_removed() {
    let (persisted, mut ada, before) = killed_after(2).await;
    let rolled_back = cut(&persisted, 1);
    assert!(
        persisted.records.records().contains(&rolled_back),
        "the storage must hold the result before the restart"
    );
    let server = persisted.start::<Arena>(SHORT_MATCHES);
    let joined = wait_for_resume(&mut ada, &before).await;
    assert!(joined.restored < Some(Tick(rolled_back.tick)));
    let records = server.persisted().records.clone();
    until("the removal of the result", || !records.records().contains(&rolled_back)).await;
    until("the next result", || records.records().len() >= 2).await;
    assert_unique(&records.records());
}

#[tokio::test]
async fn results_of_a_restored_room_that_ended_just_before_the_next_crash_are_not_lost() {
    let (persisted, mut ada, before) = killed_after(2).await;
    let settings = [SHORT_MATCHES, &[("room.linger_ms", "200")]].concat();
    let server = persisted.start::<Arena>(&settings);
    wait_for_resume(&mut ada, &before).await;
    ada.disconnect().await;
    let written = server.persisted().clone();
    let has_ended = || {
        let bytes = written.journals.read(FIRST).expect("the journal");
        Journal::open(&bytes).is_ok_and(|journal| journal.end().is_some())
    };
    until("the room's end", has_ended).await;
    let expected = written.records.records();
    assert!(expected.len() >= 2);
    let server = server.kill().without_records().start::<Arena>(&settings);
    let records = server.persisted().records.clone();
    until("the results", || records.records().len() >= expected.len()).await;
    assert_eq!(
        records.records(),
        expected,
        "results must be recovered from a journal of an earlier run than the one that crashed"
    );
    assert_eq!(server.metric("quarrel_rooms"), 0.0, "an ended room must not be restored");
}
