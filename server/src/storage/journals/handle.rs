//! A room's handle of its journal: it submits chunks without waiting, or is refused at once.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
};

use quarrel_shared::{
    journal::{Chunk, JournalWriter},
    tick::Tick,
};
use tokio::sync::{mpsc, oneshot};

use super::name::JournalName;

/// The capacity of the task's queue, for all rooms: five requests per second from each of a thousand rooms during a stall of the disk
/// of three seconds. When it is full, the room's journal has a gap.
pub(super) const MAX_WAITING_REQUESTS: usize = 16 * 1024;

/// The maximum number of waiting bytes of one journal beside two of its largest chunks: at 16 players and 500 B/s in all, minutes of a
/// stalled disk; and 16 MiB for 64 rooms. The largest chunks are checkpoints, and a room with a state larger than this must be able to
/// submit one, and what follows it, before the task runs. Above it, the journal has a gap.
const MAX_WAITING_BYTES: usize = 256 << 10;

/// Opens journals.
#[derive(Clone, Debug)]
pub struct Journals(mpsc::Sender<Request>);

/// The handle of one room's journal.
#[derive(Debug)]
pub struct JournalHandle {
    name: JournalName,
    requests: mpsc::Sender<Request>,
    status: Arc<WriteStatus>,
    /// The request that opens the journal, when the queue was full; it is sent again when the journal restarts.
    unopened: Option<Request>,
    /// The number of starts of the journal: 1, and one more for each restart after a gap.
    generation: u32,
    /// The size of the largest chunk in bytes.
    max_chunk_bytes: usize,
}

/// The state of a journal that its handle and the task share.
#[derive(Debug, Default)]
pub(super) struct WriteStatus {
    waiting_bytes: AtomicUsize,
    /// The newest generation of which a chunk could not be written.
    failed_generation: AtomicU32,
    /// The newest generation, of those after a gap, that is in the file.
    restarted_generation: AtomicU32,
}

/// A request to the task.
#[derive(Debug)]
pub(super) enum Request {
    /// Opens the journal of a room, or resumes it with this writer.
    Open { name: JournalName, header: Chunk, writer: Option<JournalWriter>, status: Arc<WriteStatus> },
    /// Writes a chunk.
    Write(JournalName, Chunk),
    /// Declares the lost ticks and their reason, and restarts the journal with this checkpoint.
    RestartAfterGap { name: JournalName, generation: u32, reason: OutageReason, checkpoint: Chunk },
    /// Ends the journal.
    End { name: JournalName, end: RoomEnd },
    /// Writes the last chunks of a room that the next run of the server restores.
    Save { name: JournalName, last: FinalChunks, reply: oneshot::Sender<bool> },
}

/// The end of a room.
#[derive(Debug)]
pub(super) struct RoomEnd {
    /// The last tick.
    pub(super) tick: Tick,
    /// The reason, as the journal stores it.
    pub(super) reason: &'static str,
    /// Annotations that were not submitted yet.
    pub(super) annotations: Vec<Chunk>,
}

/// The last chunks of a room that will be restored.
#[derive(Debug)]
pub struct FinalChunks {
    /// The reason of the journal's current gap, if it has one.
    pub gap: Option<OutageReason>,
    /// The current state: the room can be restored from it even when earlier ticks are missing.
    pub checkpoint: Chunk,
    /// Annotations to write behind the checkpoint.
    pub annotations: Vec<Chunk>,
}

/// Reasons why a journal accepts no chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutageReason {
    /// Too much data waits to be written.
    #[error("the disk does not keep up")]
    Slow,
    /// A write failed.
    #[error("the disk cannot be written")]
    Failed,
}

impl Journals {
    pub(super) const fn new(requests: mpsc::Sender<Request>) -> Self {
        Self(requests)
    }

    /// Opens the journal of a room: a new one, or one that `writer` resumes. When the queue is full, the handle behaves as after a
    /// failed write.
    #[must_use]
    pub fn open(&self, name: JournalName, header: Chunk, writer: Option<JournalWriter>) -> JournalHandle {
        let status = Arc::new(WriteStatus::default());
        let open = Request::Open { name, header, writer, status: Arc::clone(&status) };
        let (requests, unopened) = (self.0.clone(), Some(open));
        let mut handle =
            JournalHandle { name, requests, status, unopened, generation: 1, max_chunk_bytes: 0 };
        if handle.try_open().is_err() {
            handle.status.set_failed(handle.generation);
        }
        handle
    }
}

impl JournalHandle {
    /// Returns the name of the journal.
    #[must_use]
    pub const fn name(&self) -> JournalName {
        self.name
    }

    /// Submits a chunk.
    ///
    /// # Errors
    /// When it was not accepted: further chunks are refused until [`Self::restart_after_gap`].
    pub fn write(&mut self, chunk: Chunk) -> Result<(), OutageReason> {
        if self.status.failed_generation.load(Relaxed) >= self.generation {
            return Err(OutageReason::Failed);
        }
        self.send(chunk.bytes.len(), Request::Write(self.name, chunk))
    }

    /// Submits a checkpoint from which the journal continues after a gap with this reason.
    ///
    /// # Errors
    /// When it was not accepted either.
    pub fn restart_after_gap(&mut self, reason: OutageReason, checkpoint: Chunk) -> Result<(), OutageReason> {
        self.try_open()?;
        let (name, generation) = (self.name, self.generation + 1);
        let bytes = checkpoint.bytes.len();
        self.send(bytes, Request::RestartAfterGap { name, generation, reason, checkpoint })?;
        self.generation = generation;
        Ok(())
    }

    /// Whether the last restart is in the file.
    #[must_use]
    pub fn has_restarted(&self) -> bool {
        self.status.restarted_generation.load(Relaxed) >= self.generation
    }

    /// Ends the journal with these annotations. Waits for room in the queue, so it must be called outside of a tick.
    pub async fn end(mut self, tick: Tick, reason: &'static str, annotations: Vec<Chunk>) {
        self.open_in_time().await;
        let end = RoomEnd { tick, reason, annotations };
        // Fails only when the task has ended; the journal cannot be written then.
        let _ = self.requests.send(Request::End { name: self.name, end }).await;
    }

    /// Saves the room for the next run of the server. Waits until the task has written everything; returns false when it could not.
    pub async fn save(mut self, last: FinalChunks) -> bool {
        self.open_in_time().await;
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Save { name: self.name, last, reply }).await;
        answer.await.unwrap_or(false)
    }

    async fn open_in_time(&mut self) {
        if let Some(open) = self.unopened.take() {
            // Fails only when the task has ended.
            let _ = self.requests.send(open).await;
        }
    }

    fn try_open(&mut self) -> Result<(), OutageReason> {
        let Some(open) = self.unopened.take() else { return Ok(()) };
        self.requests.try_send(open).map_err(|refused| {
            self.unopened = Some(refused.into_inner());
            OutageReason::Slow
        })
    }

    fn send(&mut self, bytes: usize, request: Request) -> Result<(), OutageReason> {
        self.max_chunk_bytes = self.max_chunk_bytes.max(bytes);
        let waiting = self.status.waiting_bytes.load(Relaxed);
        if waiting + bytes > MAX_WAITING_BYTES + 2 * self.max_chunk_bytes {
            return Err(OutageReason::Slow);
        }
        self.status.waiting_bytes.fetch_add(bytes, Relaxed);
        self.requests.try_send(request).map_err(|_| {
            self.status.remove_waiting(bytes);
            OutageReason::Slow
        })
    }
}

impl WriteStatus {
    /// Removes this number of bytes from those that wait.
    pub(super) fn remove_waiting(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Relaxed);
    }

    /// A chunk of this generation could not be written.
    pub(super) fn set_failed(&self, generation: u32) {
        self.failed_generation.store(generation, Relaxed);
    }

    /// The first checkpoint of this generation is in the file.
    pub(super) fn set_restarted(&self, generation: u32) {
        self.restarted_generation.store(generation, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::journal::ChunkKind;

    use super::*;

    const NAME: JournalName = JournalName { run: 1, room: 2 };

    fn chunk(bytes: usize) -> Chunk {
        Chunk { kind: ChunkKind::Checkpoint, tick: Tick(0), bytes: vec![0; bytes] }
    }

    /// A journal and its queue, which no task empties.
    fn journal(requests: usize) -> (JournalHandle, mpsc::Receiver<Request>) {
        let (sender, waiting) = mpsc::channel(requests);
        (Journals::new(sender).open(NAME, chunk(1), None), waiting)
    }

    #[test]
    fn a_journal_has_at_most_the_maximum_of_waiting_bytes() {
        let (mut journal, mut waiting) = journal(1000);
        let max_chunks = MAX_WAITING_BYTES / 1024 + 2;
        for _ in 0..max_chunks {
            assert_eq!(journal.write(chunk(1024)), Ok(()));
        }
        assert_eq!(journal.write(chunk(1)), Err(OutageReason::Slow), "the room is refused and never waits");
        assert_eq!(waiting.len(), max_chunks + 1, "a refused chunk does not wait");
        assert!(matches!(waiting.try_recv(), Ok(Request::Open { .. })));
        assert!(matches!(waiting.try_recv(), Ok(Request::Write(NAME, taken)) if taken.bytes.len() == 1024));
        journal.status.remove_waiting(1024);
        assert_eq!(journal.write(chunk(1)), Ok(()), "written chunks make room");
    }

    #[test]
    fn a_checkpoint_larger_than_the_maximum_is_accepted_between_other_chunks() {
        let (mut journal, _waiting) = journal(1000);
        let large = 2 * MAX_WAITING_BYTES;
        for bytes in [100, large, 100, large, MAX_WAITING_BYTES - 200] {
            assert_eq!(journal.write(chunk(bytes)), Ok(()), "{bytes}");
        }
        assert_eq!(journal.write(chunk(1)), Err(OutageReason::Slow));
    }

    #[test]
    fn a_full_queue_refuses_and_counts_nothing_as_waiting() {
        let (mut journal, mut waiting) = journal(2);
        assert_eq!(journal.write(chunk(MAX_WAITING_BYTES)), Ok(()));
        journal.status.remove_waiting(MAX_WAITING_BYTES);
        assert_eq!(journal.write(chunk(8)), Err(OutageReason::Slow));
        assert_eq!(journal.restart_after_gap(OutageReason::Slow, chunk(8)), Err(OutageReason::Slow));
        assert!(waiting.try_recv().is_ok());
        assert_eq!(journal.write(chunk(MAX_WAITING_BYTES)), Ok(()), "refused bytes do not wait");
    }

    #[test]
    fn a_journal_whose_opening_was_refused_restarts_like_one_that_failed() {
        let (sender, mut waiting) = mpsc::channel(1);
        let journals = Journals::new(sender);
        let _first = journals.open(NAME, chunk(1), None);
        let mut journal = journals.open(JournalName { room: 3, ..NAME }, chunk(1), None);
        assert_eq!(journal.write(chunk(1)), Err(OutageReason::Failed));
        assert!(waiting.try_recv().is_ok());
        assert_eq!(
            journal.restart_after_gap(OutageReason::Failed, chunk(1)),
            Err(OutageReason::Slow),
            "the queue has room for one request, not for two"
        );
        assert!(matches!(waiting.try_recv(), Ok(Request::Open { name: JournalName { room: 3, .. }, .. })));
        assert_eq!(journal.restart_after_gap(OutageReason::Failed, chunk(1)), Ok(()));
        assert!(matches!(waiting.try_recv(), Ok(Request::RestartAfterGap { .. })), "it is opened once");
    }

    #[test]
    fn a_failure_belongs_to_the_generation_of_its_chunk() {
        let (mut journal, _waiting) = journal(8);
        journal.status.set_failed(1);
        assert_eq!(journal.write(chunk(1)), Err(OutageReason::Failed));
        assert_eq!(journal.restart_after_gap(OutageReason::Failed, chunk(1)), Ok(()));
        journal.status.set_failed(1);
        assert_eq!(journal.write(chunk(1)), Ok(()), "the failed chunk precedes the restart");
        assert!(!journal.has_restarted());
        journal.status.set_failed(2);
        assert_eq!(
            journal.write(chunk(1)),
            Err(OutageReason::Failed),
            "no chunk is accepted that cannot be played"
        );
        assert_eq!(journal.restart_after_gap(OutageReason::Failed, chunk(1)), Ok(()));
        journal.status.set_restarted(2);
        assert!(!journal.has_restarted(), "that is the previous generation");
        journal.status.set_restarted(3);
        assert!(journal.has_restarted());
    }
}
