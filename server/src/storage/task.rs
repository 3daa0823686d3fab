//! The queue between rooms and the sink. A tick never waits for a disk: a full queue gives the record back, and its room keeps it. What
//! is in the queue is written, however long the disk is full or the database locked, for as long as the process lives.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};
use tracing::{error, info};

use super::{
    records::{MatchRecord, Undone},
    sink::RecordSink,
};
use crate::telemetry::MatchResultMetrics;

/// How many records may wait: every room of a full server ends its match in the same tick, several times over.
const RECORDS_WAITING: usize = 1024;

/// The most records of one transaction. Of 16 seats each that is some 10 ms of inserting, and little to do again when it fails.
const BATCH: usize = 256;

/// The pause after a transaction, in which the next one gathers. Results are written within 100 ms and the time that writing takes, and
/// the disk is made to flush ten times a second at most, of about 90 that it can.
const GATHER: Duration = Duration::from_millis(100);

/// The pause after a failure: shorter than any outage that a person ends, longer than it takes to fail.
const RETRY: Duration = Duration::from_millis(250);

/// Where rooms hand their records in.
#[derive(Clone, Debug)]
pub struct Records {
    queue: mpsc::Sender<MatchRecord>,
    counts: MatchResultMetrics,
}

impl Records {
    /// Hands a record in, at once. What was handed in is written, unless the process ends.
    ///
    /// # Errors
    /// The record itself when the queue is full: to be handed in later.
    pub fn add(&self, record: MatchRecord) -> Result<(), MatchRecord> {
        self.counts.waiting.inc();
        self.queue.try_send(record).map_err(|full| {
            self.counts.waiting.dec();
            full.into_inner()
        })
    }

    /// Hands a record in as soon as the queue has room. Nothing that ticks may wait for that.
    ///
    /// # Errors
    /// The record itself when the storage has ended: nobody will write it.
    pub async fn add_in_time(&self, record: MatchRecord) -> Result<(), MatchRecord> {
        self.counts.waiting.inc();
        self.queue.send(record).await.map_err(|ended| {
            self.counts.waiting.dec();
            ended.0
        })
    }

    /// The numbers that tell of results.
    pub const fn counts(&self) -> &MatchResultMetrics {
        &self.counts
    }
}

/// A queue and the task that empties it. The task ends when all handles are gone and all records are kept.
///
/// What `retract` says to be undone is forgotten before anything is kept.
pub fn start(
    sink: impl RecordSink,
    retract: Vec<Undone>,
    counts: MatchResultMetrics,
) -> (Records, impl Future<Output = ()> + Send + 'static) {
    let (queue, waiting) = mpsc::channel(RECORDS_WAITING);
    (Records { queue, counts: counts.clone() }, keep(waiting, sink, retract, counts))
}

async fn keep(
    mut waiting: mpsc::Receiver<MatchRecord>,
    mut sink: impl RecordSink,
    retract: Vec<Undone>,
    counts: MatchResultMetrics,
) {
    for undone in retract {
        forget(&mut sink, &undone, &counts).await;
    }
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        write(&mut sink, &batch, &counts).await;
        // A full batch leaves others behind, and whoever stops the server waits for this.
        if batch.len() < BATCH && !waiting.is_closed() {
            sleep(GATHER).await;
        }
        batch.clear();
    }
    if let Err(error) = sink.close().await {
        error!(%error, "the match results are written, but their database was not closed");
    }
}

/// Tries until it is done.
async fn forget(sink: &mut impl RecordSink, undone: &Undone, counts: &MatchResultMetrics) {
    loop {
        match sink.retract(undone).await {
            Ok(0) => return,
            Ok(results) => {
                info!(
                    journal = undone.journal,
                    tick = undone.after,
                    results,
                    "results are forgotten that ended after the tick to which their room was brought back"
                );
                return;
            }
            Err(error) => {
                counts.failed_writes.inc();
                error!(%error, "results cannot be forgotten that did not come to be; tried again");
                sleep(RETRY).await;
            }
        }
    }
}

/// Tries until it is done.
async fn write(sink: &mut impl RecordSink, batch: &[MatchRecord], counts: &MatchResultMetrics) {
    let mut failed = 0u64;
    while let Err(error) = sink.append(batch).await {
        counts.failed_writes.inc();
        if failed == 0 {
            error!(%error, "match results cannot be written; they are kept and tried again. Is the disk full, or the database locked?");
        }
        failed += 1;
        sleep(RETRY).await;
    }
    if failed > 0 {
        info!(failed, "match results are written again");
    }
    counts.written(batch.len());
}

#[cfg(test)]
mod tests;
