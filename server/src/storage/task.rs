//! The queue between rooms and the sink of match results, and the task that writes the queued records to the sink.
//!
//! A tick never waits for a disk: a full queue returns the record, and the room keeps it. While the disk is full or the database is
//! locked, the task retries without limit, so queued records are lost only when the process ends.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};
use tracing::{error, info};

use super::{
    records::{MatchRecord, RolledBack},
    sink::RecordSink,
};
use crate::telemetry::MatchResultMetrics;

/// The queue's capacity in records: 16 results from each of 64 rooms, the default maximum of rooms.
const MAX_WAITING_RECORDS: usize = 1024;

/// The maximum number of records per transaction. With 16 seats per record, inserting them takes some 10 ms, which is little to repeat
/// after an error.
const MAX_BATCH_RECORDS: usize = 256;

/// The pause after a transaction, in which records gather for the next one. A result is written within 100 ms plus the time of writing.
/// The pause bounds the transactions to ten per second, of about 90 flushes per second that a disk can do. A full transaction is followed by the
/// next one at once.
const GATHER: Duration = Duration::from_millis(100);

/// The pause after an error: short against an outage that a person ends, and long enough not to load a failing disk.
const RETRY: Duration = Duration::from_millis(250);

/// A handle to submit match results.
#[derive(Clone, Debug)]
pub struct RecordQueue {
    queue: mpsc::Sender<MatchRecord>,
    counts: MatchResultMetrics,
}

impl RecordQueue {
    /// Submits a record without waiting. The task writes a submitted record, unless the process ends before that.
    ///
    /// # Errors
    /// Returns the record when the queue is full, in which case it can be submitted later, or when the task has ended.
    #[expect(clippy::result_large_err, reason = "a refused record returns to its room, which keeps it")]
    pub fn try_push(&self, record: MatchRecord) -> Result<(), MatchRecord> {
        self.counts.waiting.inc();
        self.queue.try_send(record).map_err(|refused| {
            self.counts.waiting.dec();
            refused.into_inner()
        })
    }

    /// Submits a record, and waits while the queue is full. Must not be called in a tick, which must not wait.
    ///
    /// # Errors
    /// Returns the record when the task has ended and cannot write it.
    pub async fn push(&self, record: MatchRecord) -> Result<(), MatchRecord> {
        self.counts.waiting.inc();
        self.queue.send(record).await.map_err(|ended| {
            self.counts.waiting.dec();
            ended.0
        })
    }

    /// Returns the metrics of match results.
    pub const fn counts(&self) -> &MatchResultMetrics {
        &self.counts
    }
}

/// Creates a queue, and the task that writes its records to `sink`. The caller spawns the task. The task ends when all handles of the
/// queue are dropped and all records are stored.
///
/// The task deletes the results of later matches of the rooms in `rolled_back` before it stores any record.
pub fn start(
    sink: impl RecordSink,
    rolled_back: Vec<RolledBack>,
    counts: MatchResultMetrics,
) -> (RecordQueue, impl Future<Output = ()> + Send + 'static) {
    let (queue, waiting) = mpsc::channel(MAX_WAITING_RECORDS);
    (RecordQueue { queue, counts: counts.clone() }, write_all(waiting, sink, rolled_back, counts))
}

async fn write_all(
    mut waiting: mpsc::Receiver<MatchRecord>,
    mut sink: impl RecordSink,
    rolled_back: Vec<RolledBack>,
    counts: MatchResultMetrics,
) {
    for room in rolled_back {
        retract(&mut sink, &room, &counts).await;
    }
    let mut batch = Vec::with_capacity(MAX_BATCH_RECORDS);
    while waiting.recv_many(&mut batch, MAX_BATCH_RECORDS).await > 0 {
        write(&mut sink, &batch, &counts).await;
        // No pause after a full batch, because other records wait, and none while the server stops, because it waits for this task.
        if batch.len() < MAX_BATCH_RECORDS && !waiting.is_closed() {
            sleep(GATHER).await;
        }
        batch.clear();
    }
    if let Err(error) = sink.close().await {
        error!(%error, "match results written, but closing their database failed");
    }
}

/// Deletes the results of later matches of a restored room; retries until the deletion succeeds.
async fn retract(sink: &mut impl RecordSink, room: &RolledBack, counts: &MatchResultMetrics) {
    let mut has_failed = false;
    loop {
        match sink.retract(room).await {
            Ok(0) => return,
            Ok(results) => {
                info!(
                    last_match = %room.last,
                    results,
                    "deleted results of matches that ended after their room's restored tick"
                );
                return;
            }
            Err(error) => {
                counts.failed_writes.inc();
                if !has_failed {
                    error!(%error, "cannot delete match results of a restored room, retrying");
                }
                has_failed = true;
                sleep(RETRY).await;
            }
        }
    }
}

/// Writes a batch; retries until the transaction succeeds.
async fn write(sink: &mut impl RecordSink, batch: &[MatchRecord], counts: &MatchResultMetrics) {
    let mut failures = 0u64;
    while let Err(error) = sink.append(batch).await {
        counts.failed_writes.inc();
        if failures == 0 {
            error!(%error, "cannot write match results, keeping and retrying them");
        }
        failures += 1;
        sleep(RETRY).await;
    }
    if failures > 0 {
        info!(failures, "match results written after retries");
    }
    counts.written(batch.len());
}

#[cfg(test)]
mod tests;
