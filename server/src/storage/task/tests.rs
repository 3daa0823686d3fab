//! The queue and its task, before places that fail and places that wait.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::time::timeout;

use super::{super::MemorySink, *};
use crate::{storage::records::test_record as record, telemetry::Metrics};

fn counts() -> MatchResultMetrics {
    Metrics::new().results.clone()
}

/// Waits for a condition, not for ever.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// A place that fails so many times and tells how many records each attempt brought.
#[derive(Clone, Default)]
struct Flaky {
    failures: Arc<Mutex<u32>>,
    attempts: Arc<Mutex<Vec<usize>>>,
    kept: MemorySink,
}

impl RecordSink for Flaky {
    async fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        self.attempts.lock().unwrap().push(records.len());
        let fails = {
            let mut left = self.failures.lock().unwrap();
            *left = left.saturating_sub(1);
            *left > 0
        };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { self.kept.append(records).await }
    }

    async fn retract(&mut self, undone: &Undone) -> io::Result<u64> {
        self.kept.retract(undone).await
    }

    async fn close(self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_was_handed_in_is_written_before_the_task_ends() {
    let (sink, counts) = (MemorySink::default(), counts());
    let (records, task) = start(sink.clone(), Vec::new(), counts.clone());
    for tick in 0..1000 {
        records.add(record(tick)).unwrap();
    }
    assert_eq!(counts.waiting.get(), 1000, "an operator sees what is not written yet");
    drop(records);
    task.await;
    assert_eq!(sink.records(), (0..1000).map(record).collect::<Vec<_>>(), "all of it, in order");
    assert_eq!((counts.waiting.get(), counts.written.get()), (0, 1000));
}

#[tokio::test]
async fn a_full_queue_gives_the_record_back_at_once() {
    let (records, task) = start(MemorySink::default(), Vec::new(), counts());
    for tick in 0..RECORDS_WAITING as u32 {
        records.add(record(tick)).unwrap();
    }
    assert_eq!(records.add(record(7777)), Err(record(7777)), "its room keeps it");
    assert_eq!(
        records.counts().waiting.get(),
        RECORDS_WAITING as i64,
        "what was given back does not wait here"
    );
    drop(task);
    assert_eq!(
        records.add_in_time(record(1)).await,
        Err(record(1)),
        "a storage that has ended takes nothing"
    );
}

#[tokio::test]
async fn whoever_may_wait_gets_in_once_there_is_room() {
    let sink = MemorySink::default();
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    for tick in 0..RECORDS_WAITING as u32 {
        records.add(record(tick)).unwrap();
    }
    let latecomer = async move { records.add_in_time(record(7777)).await };
    let (handed_in, ()) = tokio::join!(latecomer, task);
    assert_eq!(handed_in, Ok(()));
    assert_eq!(sink.records().len(), RECORDS_WAITING + 1);
}

#[tokio::test]
async fn what_comes_together_is_one_transaction() {
    let sink = Flaky::default();
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    for tick in 0..BATCH as u32 + 3 {
        records.add(record(tick)).unwrap();
    }
    drop(records);
    task.await;
    assert_eq!(*sink.attempts.lock().unwrap(), [BATCH, 3]);
}

#[tokio::test]
async fn what_comes_while_the_task_gathers_is_one_transaction_too() {
    let sink = Flaky::default();
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    let task = tokio::spawn(task);
    records.add(record(0)).unwrap();
    until("the first one is written", || records.counts().written.get() == 1).await;
    (1..5).for_each(|tick| records.add(record(tick)).unwrap());
    until("the others are written", || records.counts().written.get() == 5).await;
    drop(records);
    task.await.unwrap();
    assert_eq!(*sink.attempts.lock().unwrap(), [1, 4], "the first one at once, the others together");
}

#[tokio::test]
async fn a_failed_transaction_is_tried_again_until_it_is_done() {
    let sink = Flaky { failures: Arc::new(Mutex::new(3)), ..Flaky::default() };
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    let counts = records.counts().clone();
    let task = tokio::spawn(task);
    records.add(record(0)).unwrap();
    until("the first failure", || counts.failed_writes.get() > 0).await;
    records.add(record(1)).unwrap();
    drop(records);
    task.await.unwrap();
    assert_eq!(sink.kept.records(), [record(0), record(1)], "in order, each once");
    assert_eq!((counts.failed_writes.get(), counts.waiting.get(), counts.written.get()), (2, 0, 2));
}
