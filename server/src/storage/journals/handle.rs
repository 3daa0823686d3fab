//! A room's end of its journal: pieces are handed in or refused, at once.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
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

/// How many bytes of one journal may wait beside two of its largest pieces: at 16 players and 500 B/s in all, minutes of a disk that
/// stands still; and 16 MiB for 64 rooms. The largest are checkpoints, and a room whose state is larger than this must be able to
/// hand in one, and what follows it, before the storage looks. Full: the journal has a gap.
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
    /// Which beginning this is: 1 of a journal that never began anew.
    beginning: u32,
    /// How many bytes the largest piece had.
    largest: usize,
}

/// What both ends know of a journal.
#[derive(Debug, Default)]
pub(super) struct Standing {
    waiting_bytes: AtomicUsize,
    /// The newest beginning of whose pieces one could not be written.
    failed: AtomicU32,
    /// The newest one that is in the file, of those that followed a gap.
    begun: AtomicU32,
}

/// What the task is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// A room opens its journal, or goes on with one.
    Open { name: JournalName, header: Piece, packer: Option<Packer>, standing: Arc<Standing> },
    /// A piece follows.
    Write(JournalName, Piece),
    /// The journal says what is missing, and why, and begins anew with this checkpoint.
    BeginAnew { name: JournalName, beginning: u32, why: Refused, checkpoint: Piece },
    /// The room is over, after this tick and for this reason, and these notes are still to be written.
    End { name: JournalName, tick: Tick, reason: &'static str, notes: Vec<Piece> },
    /// The room will go on in another run of the server: these are its last pieces in this one.
    Leave { name: JournalName, last: LastPieces, reply: oneshot::Sender<bool> },
}

/// What a room leaves that will go on.
#[derive(Debug)]
pub struct LastPieces {
    /// Why its journal has a gap, if it has one.
    pub gap: Option<Refused>,
    /// As it is now: should something be missing before this, nothing is missing of what follows.
    pub checkpoint: Piece,
    /// To be written behind it.
    pub notes: Vec<Piece>,
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
        let (requests, unopened) = (self.0.clone(), Some(open));
        let mut handle = JournalHandle { name, requests, standing, unopened, beginning: 1, largest: 0 };
        if handle.ask().is_err() {
            handle.standing.fail(handle.beginning);
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
    pub fn write(&mut self, piece: Piece) -> Result<(), Refused> {
        if self.standing.failed.load(Relaxed) >= self.beginning {
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
        let (name, beginning) = (self.name, self.beginning + 1);
        self.send(checkpoint.bytes.len(), Request::BeginAnew { name, beginning, why, checkpoint })?;
        self.beginning = beginning;
        Ok(())
    }

    /// Whether the last new beginning is in the file.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.standing.begun.load(Relaxed) >= self.beginning
    }

    /// The room is over, and these notes were not handed in yet. Waits until the task hears it, so it is said outside of any tick.
    pub async fn end(mut self, tick: Tick, reason: &'static str, notes: Vec<Piece>) {
        self.ask_in_time().await;
        // Without a task there is nobody to hear it.
        let _ = self.requests.send(Request::End { name: self.name, tick, reason, notes }).await;
    }

    /// The room goes on in another run of the server. Waits for the task, however far behind that is, and until all of it is written;
    /// false when it could not be.
    pub async fn leave(mut self, last: LastPieces) -> bool {
        self.ask_in_time().await;
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Leave { name: self.name, last, reply }).await;
        answer.await.unwrap_or(false)
    }

    async fn ask_in_time(&mut self) {
        if let Some(open) = self.unopened.take() {
            // As above.
            let _ = self.requests.send(open).await;
        }
    }

    fn ask(&mut self) -> Result<(), Refused> {
        let Some(open) = self.unopened.take() else { return Ok(()) };
        self.requests.try_send(open).map_err(|refused| {
            self.unopened = Some(refused.into_inner());
            Refused::Slow
        })
    }

    fn send(&mut self, bytes: usize, request: Request) -> Result<(), Refused> {
        self.largest = self.largest.max(bytes);
        let waiting = self.standing.waiting_bytes.load(Relaxed);
        if waiting + bytes > JOURNAL_WAITING_BYTES + 2 * self.largest {
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

    /// A piece of this beginning could not be written.
    pub(super) fn fail(&self, beginning: u32) {
        self.failed.store(beginning, Relaxed);
    }

    /// This beginning is in the file.
    pub(super) fn begin(&self, beginning: u32) {
        self.begun.store(beginning, Relaxed);
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
        let (mut journal, mut waiting) = journal(1000);
        let most = JOURNAL_WAITING_BYTES / 1024 + 2;
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
    fn a_room_whose_checkpoint_is_larger_than_all_that_may_wait_hands_it_in_between_other_pieces() {
        let (mut journal, _waiting) = journal(1000);
        let large = 2 * JOURNAL_WAITING_BYTES;
        for bytes in [100, large, 100, large, JOURNAL_WAITING_BYTES - 200] {
            assert_eq!(journal.write(piece(bytes)), Ok(()), "{bytes}");
        }
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
        assert!(matches!(waiting.try_recv(), Ok(Request::BeginAnew { .. })), "it is opened once");
    }

    #[test]
    fn a_failure_is_of_the_beginning_whose_piece_it_was() {
        let (mut journal, _waiting) = journal(8);
        journal.standing.fail(1);
        assert_eq!(journal.write(piece(1)), Err(Refused::Failed));
        assert_eq!(journal.begin_anew(Refused::Failed, piece(1)), Ok(()));
        journal.standing.fail(1);
        assert_eq!(journal.write(piece(1)), Ok(()), "what failed came before the new beginning");
        assert!(!journal.has_begun());
        journal.standing.fail(2);
        assert_eq!(journal.write(piece(1)), Err(Refused::Failed), "nothing is written for nobody");
        assert_eq!(journal.begin_anew(Refused::Failed, piece(1)), Ok(()));
        journal.standing.begin(2);
        assert!(!journal.has_begun(), "that was the one before");
        journal.standing.begin(3);
        assert!(journal.has_begun());
    }
}
