//! The queue between rooms and the sink. A tick never waits for a disk: when the queue is full the record is lost, and said.

use tokio::sync::mpsc;
use tracing::error;

use super::{records::MatchRecord, sink::RecordSink};

/// How many records may wait: every room of a full server ends its match in the same tick, several times over.
const RECORDS_WAITING: usize = 1024;

/// How many are written at once.
const BATCH: usize = 64;

/// Where rooms hand their records in.
#[derive(Clone, Debug)]
pub struct Records(mpsc::Sender<MatchRecord>);

impl Records {
    /// Hands a record in, or says that it was lost.
    pub fn add(&self, record: MatchRecord) {
        if let Err(lost) = self.0.try_send(record) {
            error!(%lost, "a match record was lost: the storage does not keep up");
        }
    }
}

/// A queue and the task that empties it. The task waits for the disk, so it must run where nobody minds. It ends when all handles are gone and all records are kept.
pub fn start(sink: impl RecordSink) -> (Records, impl Future<Output = ()> + Send + 'static) {
    let (records, waiting) = mpsc::channel(RECORDS_WAITING);
    (Records(records), keep(waiting, sink))
}

async fn keep(mut waiting: mpsc::Receiver<MatchRecord>, mut sink: impl RecordSink) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = sink.append(&batch) {
            error!(%error, records = batch.len(), "match records could not be written; is the disk full?");
        }
        batch.clear();
    }
    if let Err(error) = sink.sync() {
        error!(%error, "match records may not outlive the machine");
    }
}

#[cfg(test)]
mod tests {
    use super::{super::MemorySink, *};

    #[tokio::test]
    async fn what_was_handed_in_is_kept_before_the_task_ends() {
        let sink = MemorySink::default();
        let (records, task) = start(sink.clone());
        for tick in 0..100 {
            records.add(MatchRecord { room: 1, game: "arena", seed: 2, tick, seats: Vec::new() });
        }
        drop(records);
        task.await;
        assert_eq!(sink.records().len(), 100);
    }
}
