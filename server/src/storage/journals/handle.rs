//! A room's end of its journal: pieces are handed in or refused, at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use quarrel_shared::{
    journal::{Packer, Piece},
    tick::Tick,
};
use tokio::sync::mpsc;

use super::name::JournalName;

/// How many requests may wait for the task, of all rooms: five a second from each of a thousand rooms while a disk stands still for
/// three seconds. Full: the room's journal has a gap.
pub(super) const REQUESTS_WAITING: usize = 16 * 1024;

/// How many bytes of one journal may wait: at 16 players and 500 B/s in all, minutes of a disk that stands still; and 16 MiB for 64
/// rooms. A single piece may always wait, or a room whose checkpoint is larger would have no journal. Full: the journal has a gap.
const JOURNAL_WAITING_BYTES: usize = 256 << 10;

/// Opens journals.
#[derive(Clone, Debug)]
pub struct Journals(mpsc::Sender<Request>);

/// One room's journal.
#[derive(Debug)]
pub struct JournalHandle {
    name: JournalName,
    requests: mpsc::Sender<Request>,
    standing: Arc<Standing>,
}

/// What both ends know of a journal.
#[derive(Debug, Default)]
pub(super) struct Standing {
    waiting_bytes: AtomicUsize,
    /// Said by the task, and taken back by the room when it begins anew.
    has_failed: AtomicBool,
}

/// What the task is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// A room opens its journal, or goes on with one.
    Open { name: JournalName, header: Piece, packer: Option<Packer>, standing: Arc<Standing> },
    /// A piece follows.
    Write(JournalName, Piece),
    /// The journal says what is missing, and why, and begins anew with this checkpoint.
    BeginAnew(JournalName, Refused, Piece),
    /// The room is over, after this tick and for this reason.
    End(JournalName, Tick, &'static str),
    /// The room will go on in another run of the server: nothing more follows in this one.
    Leave(JournalName),
}

/// Why the journal takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More waits already than may.
    #[error("the disk does not keep up")]
    Slow,
    /// It could not be written.
    #[error("the disk cannot be written")]
    Failed,
}

impl Journals {
    pub(super) const fn new(requests: mpsc::Sender<Request>) -> Self {
        Self(requests)
    }

    /// A room's journal: a new one, or one that is gone on with by this packer. Refused at once when the task is too far behind even
    /// for that; the handle then says that it failed.
    #[must_use]
    pub fn open(&self, name: JournalName, header: Piece, packer: Option<Packer>) -> JournalHandle {
        let standing = Arc::new(Standing::default());
        let open = Request::Open { name, header, packer, standing: Arc::clone(&standing) };
        let handle = JournalHandle { name, requests: self.0.clone(), standing };
        if handle.requests.try_send(open).is_err() {
            handle.standing.fail();
        }
        handle
    }
}

impl JournalHandle {
    /// Which journal.
    #[must_use]
    pub const fn name(&self) -> JournalName {
        self.name
    }

    /// Hands a piece in.
    ///
    /// # Errors
    /// When it was not taken: what follows is of no use until the journal [begins anew](Self::begin_anew).
    pub fn write(&self, piece: Piece) -> Result<(), Refused> {
        if self.standing.has_failed.load(Relaxed) {
            return Err(Refused::Failed);
        }
        self.send(piece.bytes.len(), Request::Write(self.name, piece))
    }

    /// After a refusal, for this reason: a checkpoint from which the journal goes on.
    ///
    /// # Errors
    /// When it was not taken either.
    pub fn begin_anew(&self, why: Refused, checkpoint: Piece) -> Result<(), Refused> {
        // Before it is sent: a disk that is still full fails within microseconds, and the task says so. Taken back after that, the
        // room would never hear of it, and hand in to the end what nobody writes.
        self.standing.has_failed.store(false, Relaxed);
        self.send(checkpoint.bytes.len(), Request::BeginAnew(self.name, why, checkpoint))
    }

    /// The room is over. Waits until the task hears it, so it is said outside of any tick.
    pub async fn end(self, tick: Tick, reason: &'static str) {
        // Without a task there is nobody to hear it.
        let _ = self.requests.send(Request::End(self.name, tick, reason)).await;
    }

    /// The room goes on in another run of the server. Waits as [`Self::end`] does.
    pub async fn leave(self) {
        let _ = self.requests.send(Request::Leave(self.name)).await;
    }

    fn send(&self, bytes: usize, request: Request) -> Result<(), Refused> {
        let waiting = self.standing.waiting_bytes.load(Relaxed);
        if waiting > 0 && waiting + bytes > JOURNAL_WAITING_BYTES {
            return Err(Refused::Slow);
        }
        self.standing.waiting_bytes.fetch_add(bytes, Relaxed);
        self.requests.try_send(request).map_err(|_| {
            self.standing.taken(bytes);
            Refused::Slow
        })
    }
}

impl Standing {
    /// So many bytes wait no longer.
    pub(super) fn taken(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Relaxed);
    }

    pub(super) fn fail(&self) {
        self.has_failed.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc as std_mpsc, thread};

    use quarrel_shared::journal::PieceKind;

    use super::*;

    fn piece() -> Piece {
        Piece { kind: PieceKind::Checkpoint, tick: Tick(1), bytes: vec![0; 8] }
    }

    /// Found by a disk that was full: once in some tens of retries the failure came before the room had taken the last one back.
    #[test]
    fn a_retry_that_fails_at_once_is_heard_of() {
        let (requests, mut waiting) = mpsc::channel(REQUESTS_WAITING);
        let name = JournalName { run: 1, room: 1 };
        let handle = Journals::new(requests).open(name, piece(), None);
        let standing = Arc::clone(&handle.standing);
        let (failed, heard) = std_mpsc::channel();
        let task = thread::spawn(move || {
            while let Some(request) = waiting.blocking_recv() {
                if let Request::BeginAnew(_, _, checkpoint) = request {
                    standing.fail();
                    standing.taken(checkpoint.bytes.len());
                    failed.send(()).unwrap();
                }
            }
        });
        for retry in 0..20_000 {
            handle.begin_anew(Refused::Failed, piece()).unwrap();
            heard.recv().unwrap();
            assert_eq!(handle.write(piece()), Err(Refused::Failed), "retry {retry}");
        }
        drop(handle);
        task.join().unwrap();
    }
}
