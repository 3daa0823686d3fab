//! A room's handle of its journal: submits chunks to the task that writes journals, without waiting.
//!
//! When a chunk is refused or cannot be written, the journal has a gap: it lacks the following ticks until the room restarts it with a
//! checkpoint. Each restart begins a new *generation* of the journal.

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

/// The capacity of the task's queue, in requests of all rooms. A thousand rooms that each submit once per 175 ms make 5,700 requests per
/// second, so the queue fills after 2.9 s of a stalled disk. A full queue refuses requests, and the journals of their rooms have a gap.
pub(super) const MAX_WAITING_REQUESTS: usize = 16 * 1024;

/// The maximum number of bytes that wait for the task in one journal, in addition to two of its largest chunks. A room of 16 players
/// writes some 500 B/s, so the maximum is reached after 256 KiB / 500 B/s = about nine minutes of a stalled disk. 64 rooms have at most
/// 64 x 256 KiB = 16 MiB waiting. The two largest chunks are added because a checkpoint may be larger than this maximum, and a room must
/// be able to submit it and the chunks after it before the task runs. Above the maximum, the journal has a gap.
const MAX_WAITING_BYTES: usize = 256 << 10;

/// The handle of the task that writes journals; opens a [`JournalHandle`] for each room. Clones share the task.
#[derive(Clone, Debug)]
pub struct Journals(mpsc::Sender<Request>);

/// The handle of one room's journal.
#[derive(Debug)]
pub struct JournalHandle {
    name: JournalName,
    requests: mpsc::Sender<Request>,
    status: Arc<WriteStatus>,
    /// The request that opens the journal, while the full queue has refused it. It is sent again when the journal restarts or ends.
    unopened: Option<Request>,
    /// The number of starts of the journal: 1, plus one for each restart after a gap.
    generation: u32,
    /// The size of the largest submitted chunk in bytes.
    max_chunk_bytes: usize,
}

/// The state of a journal that its handle and the task share.
#[derive(Debug, Default)]
pub(super) struct WriteStatus {
    /// The size of the submitted chunks that the task has not taken yet.
    waiting_bytes: AtomicUsize,
    /// The newest generation with a chunk that could not be written; 0 without one.
    failed_generation: AtomicU32,
    /// The newest generation whose restart is in the file; 0 without a restart.
    restarted_generation: AtomicU32,
}

/// A request to the task.
#[derive(Debug)]
pub(super) enum Request {
    /// Opens a new journal with this header, or with a writer resumes the journal of a restored room.
    Open { name: JournalName, header: Chunk, writer: Option<JournalWriter>, status: Arc<WriteStatus> },
    /// Writes a chunk.
    Write(JournalName, Chunk),
    /// Declares the lost ticks and their reason, and restarts the journal with this checkpoint as the next generation.
    RestartAfterGap { name: JournalName, generation: u32, reason: OutageReason, checkpoint: Chunk },
    /// Ends the journal.
    End { name: JournalName, end: RoomEnd },
    /// Writes the last chunks of a room that the next run of the server restores; the reply is true if all of them are written.
    Save { name: JournalName, last: FinalChunks, reply: oneshot::Sender<bool> },
}

/// The end of a room.
#[derive(Debug)]
pub(super) struct RoomEnd {
    /// The last tick.
    pub(super) tick: Tick,
    /// The reason, as the journal stores it.
    pub(super) reason: &'static str,
    /// Annotations to write before the end: those that waited for the end of a gap.
    pub(super) annotations: Vec<Chunk>,
}

/// The last chunks of a room that the next run of the server restores.
#[derive(Debug)]
pub struct FinalChunks {
    /// The reason of the journal's current gap, if it has one.
    pub gap: Option<OutageReason>,
    /// The current state: the room can be restored from it even when earlier ticks are missing.
    pub checkpoint: Chunk,
    /// Annotations to write after the checkpoint.
    pub annotations: Vec<Chunk>,
}

/// Reasons why a journal accepts no chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutageReason {
    /// Too much data of this journal, or too many requests of all journals, wait to be written.
    #[error("the disk does not keep up")]
    Slow,
    /// The journal could not be opened or written.
    #[error("the disk cannot be written")]
    Failed,
}

impl Journals {
    pub(super) const fn new(requests: mpsc::Sender<Request>) -> Self {
        Self(requests)
    }

    /// Opens a new journal of a room, or resumes the journal for which `writer` was created. When the queue is full, the handle is in the
    /// state after a failed write: it refuses chunks until [`JournalHandle::restart_after_gap`] succeeds.
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
    /// When the chunk was refused, or an earlier chunk of this generation could not be written. The journal has a gap then: the caller must
    /// submit no further chunk before [`Self::restart_after_gap`] succeeds.
    pub fn write(&mut self, chunk: Chunk) -> Result<(), OutageReason> {
        if self.status.failed_generation.load(Relaxed) >= self.generation {
            return Err(OutageReason::Failed);
        }
        self.send(chunk.bytes.len(), Request::Write(self.name, chunk))
    }

    /// Submits a checkpoint with which the journal continues after a gap. The journal records `reason` as the cause of the gap.
    ///
    /// # Errors
    /// When the checkpoint was refused, too; the gap continues.
    pub fn restart_after_gap(&mut self, reason: OutageReason, checkpoint: Chunk) -> Result<(), OutageReason> {
        self.try_open()?;
        let (name, generation) = (self.name, self.generation + 1);
        let bytes = checkpoint.bytes.len();
        self.send(bytes, Request::RestartAfterGap { name, generation, reason, checkpoint })?;
        self.generation = generation;
        Ok(())
    }

    /// Whether the file contains the last restart after a gap. False before the first restart.
    #[must_use]
    pub fn has_restarted(&self) -> bool {
        self.status.restarted_generation.load(Relaxed) >= self.generation
    }

    /// Writes these annotations and ends the journal. Waits while the queue is full, so it must not be called in a tick.
    pub async fn end(mut self, tick: Tick, reason: &'static str, annotations: Vec<Chunk>) {
        self.submit_unopened().await;
        let end = RoomEnd { tick, reason, annotations };
        // Fails only when the task has ended. The journal then stays without an end.
        let _ = self.requests.send(Request::End { name: self.name, end }).await;
    }

    /// Saves the room for the next run of the server. Waits for the task; returns true if it has written everything. A failed flush to the
    /// disk is only logged.
    pub async fn save(mut self, last: FinalChunks) -> bool {
        self.submit_unopened().await;
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Save { name: self.name, last, reply }).await;
        answer.await.unwrap_or(false)
    }

    /// Submits the request that opens the journal if it was refused before. Waits while the queue is full.
    async fn submit_unopened(&mut self) {
        if let Some(open) = self.unopened.take() {
            // Fails only when the task has ended.
            let _ = self.requests.send(open).await;
        }
    }

    /// Submits the request that opens the journal if it was refused before, without waiting.
    fn try_open(&mut self) -> Result<(), OutageReason> {
        let Some(open) = self.unopened.take() else { return Ok(()) };
        self.requests.try_send(open).map_err(|refused| {
            self.unopened = Some(refused.into_inner());
            OutageReason::Slow
        })
    }

    /// Submits a request with a chunk of this size, unless too many bytes wait or the queue is full.
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
    /// Subtracts the size of a chunk that the task has taken, or that was refused.
    pub(super) fn remove_waiting(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Records that a chunk of this generation could not be written.
    pub(super) fn set_failed(&self, generation: u32) {
        self.failed_generation.store(generation, Relaxed);
    }

    /// Records that the first checkpoint of this generation is in the file.
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

    /// Opens a journal on a queue of this capacity, which no task empties.
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
        assert_eq!(journal.write(chunk(1)), Err(OutageReason::Slow), "a chunk above the maximum is refused");
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
            "a chunk after a failed one is refused, because it could not be played"
        );
        assert_eq!(journal.restart_after_gap(OutageReason::Failed, chunk(1)), Ok(()));
        journal.status.set_restarted(2);
        assert!(!journal.has_restarted(), "that is the previous generation");
        journal.status.set_restarted(3);
        assert!(journal.has_restarted());
    }
}
