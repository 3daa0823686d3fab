//! A room's journal, seen from its tick: what is written when, and how it goes on after a disk did not keep up.

use std::{sync::Arc, time::Duration};

use quarrel_shared::{
    game::{Game, Setup},
    id::RoomId,
    journal::{Header, Note, Packer, Piece, Recorder},
    tick::Tick,
};
use tracing::{error, info};

use super::{
    mark::{Marked, NotMarked},
    pace::Pace,
    state::RoomState,
};
use crate::{
    storage::{
        MatchRecord,
        journals::{JournalHandle, JournalName, Journals, handle::Refused},
    },
    telemetry::Metrics,
};

/// What rooms need to keep journals.
#[derive(Clone, Debug)]
pub struct JournalServices {
    /// Where they go.
    pub journals: Journals,
    /// Which run of the server this is.
    pub run: u32,
    /// How far apart checkpoints are.
    pub checkpoint: Duration,
    /// How far apart ticks are that carry their state's checksum; zero: none does.
    pub checksum: Duration,
    /// Where the numbers go.
    pub metrics: Arc<Metrics>,
}

/// Writes one room down.
pub(super) struct RoomJournal<G: Game> {
    handle: JournalHandle,
    recorder: Recorder<G>,
    pace: Pace,
    /// The last tick that was made, whether it is written or in a gap.
    seen: Tick,
    /// When the next segment begins.
    checkpoint_due: Tick,
    /// Why nothing is written, and when to try again.
    gap: Option<(Refused, Tick)>,
    /// Whether the last new beginning was written, as far as is known.
    is_proven: bool,
    /// What waits for the end of a gap.
    notes: Vec<Note>,
    /// How many moments an operator has marked.
    marks: u32,
    metrics: Arc<Metrics>,
}

/// How many notes wait for the end of a gap, which are of matches that ended in it: three hours of them, at three minutes each. More are
/// dropped, and said to be; the storage is handed their results all the same.
const NOTES_WAITING: usize = 64;

impl JournalServices {
    /// The header of a room that opens now.
    pub(super) fn header<G: Game>(
        &self,
        id: RoomId,
        setup: &Setup<G::Settings>,
        unix_ms: u64,
    ) -> Option<Header> {
        let header = Header::of::<G>(setup).inspect_err(
            |error| error!(%error, "the game's settings are no JSON, so its room has no journal"),
        );
        let checksum_ticks =
            if self.checksum.is_zero() { 0 } else { setup.tick_rate.ticks(self.checksum.as_millis() as u32) };
        Some(Header {
            checksum_ticks,
            room: id.0,
            run: self.run,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            opened_unix_ms: unix_ms,
            ..header.ok()?
        })
    }
}

impl<G: Game> RoomJournal<G> {
    /// The journal of a room that has just opened.
    pub(super) fn open(services: &JournalServices, header: &Header, state: &RoomState<G>) -> Self {
        let (mut journal, checkpoint) = Self::new(services, header, None, state);
        journal.begin(checkpoint, state.tick());
        journal
    }

    /// The journal of a room that was brought back, which goes on behind its last block that can be played; and the results whose records
    /// it lost.
    pub(super) fn resume(
        services: &JournalServices,
        (header, packer, marks): (&Header, Packer, u32),
        unix_ms: u64,
        state: &RoomState<G>,
        lost: &[MatchRecord],
    ) -> Self {
        let (mut journal, checkpoint) = Self::new(services, header, Some(packer), state);
        journal.marks = marks;
        lost.iter().for_each(|record| journal.outcome(record, state.tick()));
        let build = env!("CARGO_PKG_VERSION").to_owned();
        journal.note(Note::Resumed { run: services.run, build, unix_ms }, state.tick());
        journal.begin(checkpoint, state.tick());
        journal
    }

    /// A journal, and the state that it begins with, to be written first. Made before anything is opened, for a game may panic there.
    fn new(
        services: &JournalServices,
        header: &Header,
        packer: Option<Packer>,
        state: &RoomState<G>,
    ) -> (Self, Piece) {
        let mut recorder = Recorder::new(header);
        let checkpoint = recorder.checkpoint(state.game(), state.tick(), state.holders());
        let name = JournalName { run: header.run, room: header.room };
        let journal = Self {
            handle: services.journals.open(name, Piece::header(header), packer),
            recorder,
            pace: Pace::of(header.rate(), services.checkpoint),
            seen: state.tick(),
            checkpoint_due: Tick(0),
            gap: None,
            is_proven: true,
            notes: Vec::new(),
            marks: 0,
            metrics: Arc::clone(&services.metrics),
        };
        (journal, checkpoint)
    }

    /// Which file it is.
    pub(super) const fn name(&self) -> JournalName {
        self.handle.name()
    }

    /// A tick was made. [`Self::hand_in`] follows, when all is noted that came of it.
    pub(super) fn tick(&mut self, state: &RoomState<G>) {
        if self.gap.is_none() {
            self.recorder.tick(state.tick(), state.notes(), state.entries(), state.game());
        }
        self.seen = state.tick();
    }

    /// What has gathered is written when it is time to, and a checkpoint when one is due. Behind a match's end, then: of a room that is
    /// brought back from there nobody could tell any more that it ended just then. `now` is a duration since the server's epoch.
    pub(super) fn hand_in(&mut self, state: &RoomState<G>, now: Duration) {
        if !self.pace.is_due(now) {
            return;
        }
        if let Some((why, retry)) = self.gap {
            if state.tick() >= retry {
                self.begin_anew(why, state);
            }
            return;
        }
        self.flush_gathered(state.tick());
        if state.tick() >= self.checkpoint_due {
            self.checkpoint(state);
        }
    }

    /// Something happened after this tick that is no part of the game.
    pub(super) fn note(&mut self, note: Note, tick: Tick) {
        self.flush(tick);
        if self.gap.is_none() && self.is_proven {
            self.write(Piece::note(&note, tick), tick);
        }
        if self.is_proven {
            return;
        }
        if self.notes.len() < NOTES_WAITING {
            self.notes.push(note);
        } else {
            error!(journal = %self.name(), %tick, ?note, "a note is dropped: the journal has had a gap for too long");
        }
    }

    /// An operator marks this tick. In a gap there is nothing to mark, and a mark behind it would be of another moment.
    pub(super) fn mark(&mut self, reason: String, tick: Tick) -> Result<Marked, NotMarked> {
        self.flush(tick);
        if self.gap.is_none() && self.is_proven {
            self.write(Piece::note(&Note::Mark { reason }, tick), tick);
        }
        if let Some((why, _)) = self.gap {
            return Err(NotMarked::Gap(why));
        }
        if !self.is_proven {
            return Err(NotMarked::Gap(Refused::Slow));
        }
        self.marks += 1;
        Ok(Marked { tick, journal: self.name(), number: self.marks })
    }

    /// A match ended at this tick.
    pub(super) fn outcome(&mut self, record: &MatchRecord, tick: Tick) {
        match serde_json::to_value(record) {
            Ok(record) => self.note(Note::Outcome { record }, tick),
            Err(error) => error!(%error, "a match result is no JSON, so the journal does not have it"),
        }
    }

    /// The room is over. A tick in which its game panicked was never made: nothing is missing of it.
    pub(super) async fn end(mut self, reason: &'static str) {
        self.flush(self.seen);
        if !self.is_proven {
            self.metrics.journals.in_gap.dec();
        }
        self.handle.end(self.seen, reason).await;
    }

    /// The room goes on when the server starts again. False when it could not be saved.
    pub(super) fn save(mut self, state: &RoomState<G>) -> impl Future<Output = bool> + Send + use<G> {
        self.flush(state.tick());
        match self.gap {
            None => self.checkpoint(state),
            // The last chance: what is missing is missing, and the room as it is now is not.
            Some((why, _)) => self.begin_anew(why, state),
        }
        let is_handed_in = self.gap.is_none();
        let notes = std::mem::take(&mut self.notes);
        // Without a state of this tick, nothing of this tick is of use.
        for note in notes.iter().chain([&Note::Saved]).filter(|_| is_handed_in) {
            self.write(Piece::note(note, state.tick()), state.tick());
        }
        let left = self.handle.leave();
        async move { left.await && is_handed_in }
    }

    fn flush(&mut self, tick: Tick) {
        if let Some(piece) = self.recorder.take() {
            self.write(piece, tick);
        }
    }

    /// What has gathered of ticks is handed in. When it gathered for long enough and is taken, that shows a new beginning to be
    /// written: the storage has looked since, and would have said so otherwise. Then notes that waited for it follow.
    fn flush_gathered(&mut self, tick: Tick) {
        let is_proof = self.recorder.waiting() >= self.pace.proof;
        self.flush(tick);
        if self.is_proven || !is_proof || self.gap.is_some() {
            return;
        }
        self.is_proven = true;
        self.metrics.journals.in_gap.dec();
        info!(journal = %self.name(), "the journal goes on");
        std::mem::take(&mut self.notes).into_iter().for_each(|note| self.note(note, tick));
    }

    fn checkpoint(&mut self, state: &RoomState<G>) {
        let piece = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.begin(piece, state.tick());
    }

    /// A segment begins.
    fn begin(&mut self, checkpoint: Piece, tick: Tick) {
        self.checkpoint_due = tick.after(self.pace.checkpoint);
        if self.gap.is_none() {
            self.write(checkpoint, tick);
        }
    }

    fn begin_anew(&mut self, why: Refused, state: &RoomState<G>) {
        let piece = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.checkpoint_due = state.tick().after(self.pace.checkpoint);
        match self.handle.begin_anew(why, piece) {
            Ok(()) => {
                self.gap = None;
                self.is_proven = false;
            }
            Err(_) => self.gap = Some((why, state.tick().after(self.pace.retry))),
        }
    }

    fn write(&mut self, piece: Piece, tick: Tick) {
        let Err(why) = self.handle.write(piece) else { return };
        self.gap = Some((why, tick.after(self.pace.retry)));
        // Once an outage, not once a try.
        if std::mem::take(&mut self.is_proven) {
            self.metrics.journals.in_gap.inc();
            error!(journal = %self.name(), %tick, %why, "the journal has a gap from here on; play goes on, and a crash would cost it");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        journal::{Journal, PieceKind},
        tick::TickRate,
    };

    use super::*;
    use crate::{
        storage::{
            journals::{self, JournalStore as _, MemoryStore},
            records::test_record,
        },
        telemetry::Metrics,
    };

    const SETUP: Setup<CrowdSettings> =
        Setup { settings: CrowdSettings {}, seed: 1, seats: 2, tick_rate: TickRate::DEFAULT };

    fn opened(journals: Journals) -> (RoomJournal<Crowd>, RoomState<Crowd>) {
        let second = Duration::from_secs(1);
        let metrics = Metrics::new();
        let services = JournalServices { journals, run: 1, checkpoint: second, checksum: second, metrics };
        let state = RoomState::new(&SETUP, 0, "");
        let header = services.header::<Crowd>(RoomId(1), &SETUP, 0).unwrap();
        (RoomJournal::open(&services, &header, &state), state)
    }

    /// When a room that never falls behind made its newest tick.
    fn at(state: &RoomState<Crowd>) -> Duration {
        Duration::from_secs(u64::from(state.tick().0)) / u32::from(SETUP.tick_rate.hz())
    }

    #[tokio::test]
    async fn a_mark_stands_behind_the_newest_tick_and_marks_are_counted() {
        let store = MemoryStore::default();
        let (journals, task) = journals::start(Arc::new(store.clone()), Metrics::new());
        let (mut journal, mut state) = opened(journals);
        for tick in 1..=3 {
            state.step();
            journal.tick(&state);
            journal.hand_in(&state, at(&state));
            let marked = journal.mark(format!("look {tick}"), state.tick()).unwrap();
            assert_eq!((marked.tick, marked.number), (Tick(tick), tick));
        }
        let name = journal.name();
        journal.end("room_closed").await;
        task.await;
        let bytes = store.read(name).unwrap();
        let notes: Vec<_> = Journal::open(&bytes).unwrap().notes().map(Result::unwrap).collect();
        let look = |tick: u32| (Tick(tick), Note::Mark { reason: format!("look {tick}") });
        assert_eq!(notes, [look(1), look(2), look(3)]);
    }

    #[tokio::test]
    async fn a_match_that_ends_at_a_checkpoint_is_noted_in_front_of_it() {
        let store = MemoryStore::default();
        let (journals, task) = journals::start(Arc::new(store.clone()), Metrics::new());
        let (mut journal, mut state) = opened(journals);
        for tick in 1..=30 {
            state.step();
            journal.tick(&state);
            if tick == 30 {
                journal.outcome(&test_record(tick), state.tick());
            }
            journal.hand_in(&state, at(&state));
        }
        let name = journal.name();
        journal.end("room_closed").await;
        task.await;
        let bytes = store.read(name).unwrap();
        let kinds: Vec<_> = Journal::open(&bytes).unwrap().blocks().iter().map(|block| block.kind).collect();
        assert_eq!(kinds[kinds.len() - 3..], [PieceKind::Ticks, PieceKind::Note, PieceKind::Checkpoint]);
    }

    #[test]
    fn nothing_is_marked_in_a_gap_and_no_mark_comes_behind_it() {
        let (journals, task) = journals::start(Arc::new(MemoryStore::default()), Metrics::new());
        // Nobody takes anything any more, as if the disk had stopped.
        drop(task);
        let (mut journal, state) = opened(journals);
        let refused = journal.mark("look".to_owned(), state.tick()).unwrap_err();
        assert!(matches!(refused, NotMarked::Gap(_)), "{refused}");
        assert!(journal.notes.is_empty(), "what waits is written later, and would be of another moment");
    }
}
