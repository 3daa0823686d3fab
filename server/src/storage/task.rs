//! The queue between rooms and the sink of match results. A tick never waits for a disk: a full queue returns the record, and
//! the room keeps it. Queued records are written, however long the disk is full or the database locked, as long as the process
//! lives.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};
use tracing::{error, info};

use super::{
    records::{MatchRecord, RolledBack},
    sink::RecordSink,
};
use crate::telemetry::MatchResultMetrics;

/// The queue's capacity: every room of a full server ends its match in the same tick, several times over.
const MAX_WAITING_RECORDS: usize = 1024;

/// The maximum number of records per transaction. At 16 seats each that is some 10 ms of inserting, and little to repeat after
/// an error.
const MAX_BATCH_RECORDS: usize = 256;

/// The pause after a transaction, in which the next one gathers. Results are written within 100 ms plus the time of writing,
/// and the disk flushes at most ten times a second, of about 90 that it can.
const GATHER: Duration = Duration::from_millis(100);

/// The pause after an error: shorter than any outage that a person ends, longer than the failing write.
const RETRY: Duration = Duration::from_millis(250);

/// A handle to submit match results.
#[derive(Clone, Debug)]
pub struct RecordQueue {
    queue: mpsc::Sender<MatchRecord>,
    counts: MatchResultMetrics,
}

impl RecordQueue {
    /// Submits a record without waiting. A submitted record is written, unless the process ends.
    ///
    /// # Errors
    /// Returns the record when the queue is full; it can be submitted later.
    pub fn try_push(&self, record: MatchRecord) -> Result<(), MatchRecord> {
        self.counts.waiting.inc();
        self.queue.try_send(record).map_err(|full| {
            self.counts.waiting.dec();
            full.into_inner()
        })
    }

    /// Submits a record, and waits until the queue has room. Must not be called within a tick.
    ///
    /// # Errors
    /// Returns the record when the storage has ended and cannot write it.
    pub async fn push(&self, record: MatchRecord) -> Result<(), MatchRecord> {
        self.counts.waiting.inc();
        self.queue.send(record).await.map_err(|ended| {
            self.counts.waiting.dec();
            ended.0
        })
    }

    /// Returns the metrics of results.
    pub const fn counts(&self) -> &MatchResultMetrics {
        &self.counts
    }
}

/// Creates a queue and the task that empties it. The task ends when all handles are dropped and all records are stored.
///
/// Results of the ticks in `rolled_back` are deleted before any record is stored.
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
    for ticks in rolled_back {
        retract(&mut sink, &ticks, &counts).await;
    }
    let mut batch = Vec::with_capacity(MAX_BATCH_RECORDS);
    while waiting.recv_many(&mut batch, MAX_BATCH_RECORDS).await > 0 {
        write(&mut sink, &batch, &counts).await;
        // A full batch leaves other records waiting, and a server that stops waits for this task.
        if batch.len() < MAX_BATCH_RECORDS && !waiting.is_closed() {
            sleep(GATHER).await;
        }
        batch.clear();
    }
    if let Err(error) = sink.close().await {
        error!(%error, "match results written, but closing their database failed");
    }
}

/// Deletes the results of discarded ticks; retries until it succeeds.
async fn retract(sink: &mut impl RecordSink, ticks: &RolledBack, counts: &MatchResultMetrics) {
    loop {
        match sink.retract(ticks).await {
            Ok(0) => return,
            Ok(results) => {
                info!(
                    journal = ticks.journal,
                    tick = ticks.after,
                    results,
                    "deleted match results that ended after their room's restored tick"
                );
                return;
            }
            Err(error) => {
                counts.failed_writes.inc();
                error!(%error, "cannot delete match results that were rolled back, retrying");
                sleep(RETRY).await;
            }
        }
    }
}

/// Writes a batch; retries until it succeeds.
async fn write(sink: &mut impl RecordSink, batch: &[MatchRecord], counts: &MatchResultMetrics) {
    let mut failed = 0u64;
    while let Err(error) = sink.append(batch).await {
        counts.failed_writes.inc();
        if failed == 0 {
            error!(%error, "cannot write match results, keeping and retrying them; the disk may be full or the database locked");
        }
        failed += 1;
        sleep(RETRY).await;
    }
    if failed > 0 {
        info!(failed, "match results written after retries");
    }
    counts.written(batch.len());
}

#[cfg(test)]
mod tests;
