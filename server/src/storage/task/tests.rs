//! Tests of the queue and its task, with sinks in memory that succeed or fail.

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

/// Waits for a condition, at most 30 s.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("timed out: {what}"));
}

/// A sink whose first attempts fail, and that records the size of each attempt.
#[derive(Clone, Default)]
struct Flaky {
    /// The number of attempts until one succeeds, which counts too; with 0 or 1, the next attempt succeeds.
    until_success: Arc<Mutex<u32>>,
    /// The number of records of each attempt.
    attempts: Arc<Mutex<Vec<usize>>>,
    stored: MemorySink,
}

impl RecordSink for Flaky {
    async fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        self.attempts.lock().unwrap().push(records.len());
        let fails = {
            let mut left = self.until_success.lock().unwrap();
            *left = left.saturating_sub(1);
            *left > 0
        };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { self.stored.append(records).await }
    }

    async fn retract(&mut self, ticks: &RolledBack) -> io::Result<u64> {
        self.stored.retract(ticks).await
    }

    async fn close(self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn submitted_records_are_written_before_the_task_ends() {
    let (sink, counts) = (MemorySink::default(), counts());
    let (records, task) = start(sink.clone(), Vec::new(), counts.clone());
    for tick in 0..1000 {
        records.try_push(record(tick)).unwrap();
    }
    assert_eq!(counts.waiting.get(), 1000, "the metric shows the records that are not written yet");
    drop(records);
    task.await;
    assert_eq!(sink.records(), (0..1000).map(record).collect::<Vec<_>>(), "all records are written in order");
    assert_eq!((counts.waiting.get(), counts.written.get()), (0, 1000));
}

#[tokio::test]
async fn a_full_queue_and_an_ended_task_return_the_record() {
    let (records, task) = start(MemorySink::default(), Vec::new(), counts());
    for tick in 0..MAX_WAITING_RECORDS as u32 {
        records.try_push(record(tick)).unwrap();
    }
    assert_eq!(records.try_push(record(7777)), Err(record(7777)), "a full queue returns the record");
    assert_eq!(
        records.counts().waiting.get(),
        MAX_WAITING_RECORDS as i64,
        "a returned record does not count as waiting"
    );
    drop(task);
    assert_eq!(records.push(record(1)).await, Err(record(1)), "a task that has ended accepts no record");
}

#[tokio::test]
async fn a_waiting_push_is_accepted_once_there_is_room() {
    let sink = MemorySink::default();
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    for tick in 0..MAX_WAITING_RECORDS as u32 {
        records.try_push(record(tick)).unwrap();
    }
    let waiting_push = async move { records.push(record(7777)).await };
    let (pushed, ()) = tokio::join!(waiting_push, task);
    assert_eq!(pushed, Ok(()));
    assert_eq!(sink.records().len(), MAX_WAITING_RECORDS + 1);
}

#[tokio::test]
async fn queued_records_are_one_transaction_up_to_the_maximum() {
    let sink = Flaky::default();
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    for tick in 0..MAX_BATCH_RECORDS as u32 + 3 {
        records.try_push(record(tick)).unwrap();
    }
    drop(records);
    task.await;
    assert_eq!(*sink.attempts.lock().unwrap(), [MAX_BATCH_RECORDS, 3]);
}

#[tokio::test]
async fn records_that_arrive_in_the_pause_after_a_transaction_are_one_transaction() {
    let sink = Flaky::default();
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    let task = tokio::spawn(task);
    records.try_push(record(0)).unwrap();
    until("the first one is written", || records.counts().written.get() == 1).await;
    (1..5).for_each(|tick| records.try_push(record(tick)).unwrap());
    until("the others are written", || records.counts().written.get() == 5).await;
    drop(records);
    task.await.unwrap();
    assert_eq!(*sink.attempts.lock().unwrap(), [1, 4], "the first is written at once, the others together");
}

#[tokio::test]
async fn a_failed_transaction_is_retried_until_it_succeeds() {
    let sink = Flaky { until_success: Arc::new(Mutex::new(3)), ..Flaky::default() };
    let (records, task) = start(sink.clone(), Vec::new(), counts());
    let counts = records.counts().clone();
    let task = tokio::spawn(task);
    records.try_push(record(0)).unwrap();
    until("the first failure", || counts.failed_writes.get() > 0).await;
    records.try_push(record(1)).unwrap();
    drop(records);
    task.await.unwrap();
    assert_eq!(sink.stored.records(), [record(0), record(1)], "in order, each once");
    assert_eq!((counts.failed_writes.get(), counts.waiting.get(), counts.written.get()), (2, 0, 2));
}
