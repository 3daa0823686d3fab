//! Tests of marks, of match results, and of the time until a tick is in the journal's file.

use std::sync::Arc;

use quarrel_shared::{
    crowd::{Crowd, CrowdSettings},
    journal::{ChunkKind, Journal},
    tick::TickRate,
};
use tokio::time::{Instant, sleep_until};

use super::*;
use crate::{
    storage::{
        journals::{self, JournalStore as _, MemoryStore},
        records::test_record,
    },
    telemetry::Metrics,
};

const SETUP: Setup<CrowdSettings> =
    Setup { settings: CrowdSettings {}, seed: 1, seats: 2, tick_rate: TickRate::DEFAULT };

/// Opens the journal of a new room. Returns the journal and the room.
fn opened(journals: Journals) -> (RoomJournal<Crowd>, RoomState<Crowd>) {
    let second = Duration::from_secs(1);
    let metrics = Metrics::new();
    let services = JournalServices { journals, run: 1, checkpoint: second, checksum: second, metrics };
    let state = RoomState::new(&SETUP, 0, "");
    let header = services.header::<Crowd>(RoomId(1), RoomUid(1), &SETUP, 0).unwrap();
    (RoomJournal::open(&services, &header, &state), state)
}

/// The time of the newest tick in a room whose ticks are never late.
fn at(state: &RoomState<Crowd>) -> Duration {
    at_tick(state.tick().0)
}

fn at_tick(tick: u32) -> Duration {
    Duration::from_secs(u64::from(tick)) / u32::from(SETUP.tick_rate.hz())
}

#[tokio::test]
async fn a_mark_is_written_after_the_newest_tick_and_marks_are_counted() {
    let store = MemoryStore::default();
    let (journals, task) = journals::start(Arc::new(store.clone()), Metrics::new());
    let (mut journal, mut state) = opened(journals);
    for tick in 1..=3 {
        state.step();
        journal.record_tick(&state);
        journal.write_due(&state, at(&state));
        let marked = journal.mark(format!("look {tick}"), state.tick()).unwrap();
        assert_eq!((marked.tick, marked.number), (Tick(tick), tick));
    }
    let name = journal.name();
    journal.end("room_closed").await;
    task.await;
    let bytes = store.read(name).unwrap();
    let annotations: Vec<_> = Journal::open(&bytes).unwrap().annotations().map(Result::unwrap).collect();
    let look = |tick: u32| (Tick(tick), Annotation::Mark { reason: format!("look {tick}") });
    assert_eq!(annotations, [look(1), look(2), look(3)]);
}

#[tokio::test]
async fn a_result_at_the_tick_of_a_checkpoint_is_annotated_before_the_checkpoint() {
    let store = MemoryStore::default();
    let (journals, task) = journals::start(Arc::new(store.clone()), Metrics::new());
    let (mut journal, mut state) = opened(journals);
    journal.checkpoint_due = Tick(1);
    state.step();
    journal.record_tick(&state);
    journal.record_outcome(&test_record(1), state.tick());
    journal.write_due(&state, at(&state));
    let name = journal.name();
    journal.end("room_closed").await;
    task.await;
    let bytes = store.read(name).unwrap();
    let kinds: Vec<_> = Journal::open(&bytes).unwrap().blocks().iter().map(|block| block.kind).collect();
    assert_eq!(kinds[kinds.len() - 3..], [ChunkKind::Ticks, ChunkKind::Annotation, ChunkKind::Checkpoint]);
}

/// Checks the time from making a tick to its write, at the default tick rate and with ticks that are up to 30 ms late.
#[tokio::test(start_paused = true)]
async fn each_tick_is_in_the_file_within_a_quarter_second() {
    let store = MemoryStore::default();
    let (journals, task) = journals::start(Arc::new(store.clone()), Metrics::new());
    let task = tokio::spawn(task);
    let (mut journal, mut state) = opened(journals);
    let (name, epoch) = (journal.name(), Instant::now());
    let mut made = vec![Duration::ZERO];
    let mut written = 0;
    // Ten seconds, observed every millisecond.
    for now in (1..10_000).map(Duration::from_millis) {
        sleep_until(epoch + now).await;
        let late = Duration::from_millis(u64::from(made.len() as u32 * 7 % 11 * 3));
        if now >= at_tick(made.len() as u32) + late {
            state.step();
            journal.record_tick(&state);
            journal.write_due(&state, now);
            made.push(now);
        }
        let bytes = store.read(name).unwrap_or_default();
        let last = Journal::open(&bytes).map_or(0, |journal| journal.last_tick().0) as usize;
        for tick in &made[written + 1..=last] {
            assert!(now - *tick <= Duration::from_millis(250), "made at {tick:?}, written at {now:?}");
        }
        written = last;
        // The oldest tick that is not in the file may not be older than that either.
        let overdue = made.get(written + 1).filter(|tick| now - **tick > Duration::from_millis(250));
        assert_eq!(overdue, None, "a tick is not in the file after 250 ms, at {now:?}");
    }
    assert!(written > 280, "only {written} ticks are in the file");
    journal.end("room_closed").await;
    task.await.unwrap();
}

#[test]
fn a_mark_during_an_outage_is_refused_and_not_kept() {
    let (journals, task) = journals::start(Arc::new(MemoryStore::default()), Metrics::new());
    // Without its task, the queue refuses each chunk, as during a stall of the disk.
    drop(task);
    let (mut journal, state) = opened(journals);
    let refused = journal.mark("look".to_owned(), state.tick()).unwrap_err();
    assert!(matches!(refused, MarkError::Gap(_)), "{refused}");
    assert!(journal.pending_annotations.is_empty(), "a mark after the gap would be at another tick");
}
