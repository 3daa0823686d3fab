//! A room's end of its journal: pieces are handed in or refused, at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use quarrel_shared::{
    journal::{Packer, Piece},
    tick::Tick,
};
use tokio::sync::{mpsc, oneshot};

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
    /// What opens it, when the task was too far behind even for that: it is asked again when the journal begins anew.
    unopened: Option<Request>,
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
    Leave(JournalName, oneshot::Sender<bool>),
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
        let mut handle = JournalHandle { name, requests: self.0.clone(), standing, unopened: Some(open) };
        if handle.ask().is_err() {
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
    pub fn begin_anew(&mut self, why: Refused, checkpoint: Piece) -> Result<(), Refused> {
        self.ask()?;
        // Before it is sent: should it fail again, the task says so after this, and that must stand.
        self.standing.has_failed.store(false, Relaxed);
        self.send(checkpoint.bytes.len(), Request::BeginAnew(self.name, why, checkpoint))
    }

    /// The room is over. Waits until the task hears it, so it is said outside of any tick.
    pub async fn end(self, tick: Tick, reason: &'static str) {
        // Without a task there is nobody to hear it.
        let _ = self.requests.send(Request::End(self.name, tick, reason)).await;
    }

    /// The room goes on in another run of the server. Waits until all of it is written; false when it could not be.
    pub async fn leave(self) -> bool {
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Leave(self.name, reply)).await;
        answer.await.unwrap_or(false)
    }

    fn ask(&mut self) -> Result<(), Refused> {
        let Some(open) = self.unopened.take() else { return Ok(()) };
        self.requests.try_send(open).map_err(|refused| {
            self.unopened = Some(refused.into_inner());
            Refused::Slow
        })
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
    use quarrel_shared::journal::PieceKind;

    use super::*;

    const NAME: JournalName = JournalName { run: 1, room: 2 };

    fn piece(bytes: usize) -> Piece {
        Piece { kind: PieceKind::Checkpoint, tick: Tick(0), bytes: vec![0; bytes] }
    }

    /// A journal, and where its requests wait: nobody empties it.
    fn journal(requests: usize) -> (JournalHandle, mpsc::Receiver<Request>) {
        let (sender, waiting) = mpsc::channel(requests);
        (Journals::new(sender).open(NAME, piece(1), None), waiting)
    }

    #[test]
    fn no_more_bytes_of_a_journal_wait_than_is_agreed() {
        let (journal, mut waiting) = journal(1000);
        let most = JOURNAL_WAITING_BYTES / 1024;
        for _ in 0..most {
            assert_eq!(journal.write(piece(1024)), Ok(()));
        }
        assert_eq!(journal.write(piece(1)), Err(Refused::Slow), "the room is told, and never waits");
        assert_eq!(waiting.len(), most + 1, "what was refused does not wait");
        assert!(matches!(waiting.try_recv(), Ok(Request::Open { .. })));
        assert!(matches!(waiting.try_recv(), Ok(Request::Write(NAME, taken)) if taken.bytes.len() == 1024));
        journal.standing.taken(1024);
        assert_eq!(journal.write(piece(1)), Ok(()), "what was written makes room");
    }

    #[test]
    fn a_piece_that_is_larger_than_all_that_may_wait_waits_alone() {
        let (journal, _waiting) = journal(1000);
        assert_eq!(journal.write(piece(2 * JOURNAL_WAITING_BYTES)), Ok(()));
        assert_eq!(journal.write(piece(1)), Err(Refused::Slow));
    }

    #[test]
    fn a_full_queue_refuses_and_counts_nothing_as_waiting() {
        let (mut journal, mut waiting) = journal(2);
        assert_eq!(journal.write(piece(JOURNAL_WAITING_BYTES)), Ok(()));
        journal.standing.taken(JOURNAL_WAITING_BYTES);
        assert_eq!(journal.write(piece(8)), Err(Refused::Slow));
        assert_eq!(journal.begin_anew(Refused::Slow, piece(8)), Err(Refused::Slow));
        assert!(waiting.try_recv().is_ok());
        assert_eq!(journal.write(piece(JOURNAL_WAITING_BYTES)), Ok(()), "no byte of those waits");
    }

    #[test]
    fn a_journal_that_could_not_even_be_asked_for_begins_anew_like_any_that_failed() {
        let (sender, mut waiting) = mpsc::channel(1);
        let journals = Journals::new(sender);
        let _first = journals.open(NAME, piece(1), None);
        let mut journal = journals.open(JournalName { room: 3, ..NAME }, piece(1), None);
        assert_eq!(journal.write(piece(1)), Err(Refused::Failed));
        assert!(waiting.try_recv().is_ok());
        assert_eq!(journal.begin_anew(Refused::Failed, piece(1)), Err(Refused::Slow), "one fits, two do not");
        assert!(matches!(waiting.try_recv(), Ok(Request::Open { name: JournalName { room: 3, .. }, .. })));
        assert_eq!(journal.begin_anew(Refused::Failed, piece(1)), Ok(()));
        assert!(matches!(waiting.try_recv(), Ok(Request::BeginAnew(..))), "it is opened once");
    }

    #[test]
    fn a_failure_after_a_new_beginning_is_told() {
        let (mut journal, mut waiting) = journal(8);
        journal.standing.fail();
        assert_eq!(journal.write(piece(1)), Err(Refused::Failed));
        assert_eq!(journal.begin_anew(Refused::Failed, piece(1)), Ok(()));
        // The task has it and fails before the room does anything else.
        while waiting.try_recv().is_ok() {}
        journal.standing.fail();
        assert_eq!(journal.write(piece(1)), Err(Refused::Failed), "nothing is written for nobody");
    }
}
