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
    journal_schedule::JournalSchedule,
    mark::{MarkError, MarkReceipt},
    state::RoomState,
};
use crate::{
    storage::{
        MatchRecord,
        journals::{
            JournalHandle, JournalName, Journals,
            handle::{LastPieces, Refused},
        },
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
    pace: JournalSchedule,
    /// The last tick that was made, whether it is written or in a gap.
    seen: Tick,
    /// When the next segment begins.
    checkpoint_due: Tick,
    keeping: Keeping,
    /// What waits for the end of a gap.
    notes: Vec<Note>,
    /// How many moments an operator has marked.
    marks: u32,
    metrics: Arc<Metrics>,
}

/// Whether the journal keeps what happens.
#[derive(Clone, Copy)]
enum Keeping {
    /// As far as is known.
    Well,
    /// It has a gap for this reason, and tries to begin anew at this tick.
    Gap(Refused, Tick),
    /// It began anew after a gap for this reason, and does not know yet whether that is in the file. What gathers is handed in; notes
    /// wait, which nobody could write a second time.
    Anew(Refused),
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
            pace: JournalSchedule::new(header.rate(), services.checkpoint),
            seen: state.tick(),
            checkpoint_due: Tick(0),
            keeping: Keeping::Well,
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
        if !self.has_gap() {
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
        if let Keeping::Gap(why, retry) = self.keeping {
            if state.tick() >= retry {
                self.begin_anew(why, state);
            }
            return;
        }
        self.flush(state.tick());
        if matches!(self.keeping, Keeping::Anew(_)) && self.handle.has_begun() {
            self.go_on(state.tick());
        }
        if state.tick() >= self.checkpoint_due && !self.has_gap() {
            self.checkpoint(state);
        }
    }

    /// Something happened after this tick that is no part of the game.
    pub(super) fn note(&mut self, note: Note, tick: Tick) {
        if self.try_note(&note, tick) {
            return;
        }
        if self.notes.len() < NOTES_WAITING {
            self.notes.push(note);
        } else {
            error!(journal = %self.name(), %tick, ?note, "a note is dropped: the journal has had a gap for too long");
        }
    }

    /// An operator marks this tick. In a gap there is nothing to mark, and a mark behind it would be of another moment.
    pub(super) fn mark(&mut self, reason: String, tick: Tick) -> Result<MarkReceipt, MarkError> {
        self.try_note(&Note::Mark { reason }, tick);
        match self.keeping {
            Keeping::Well => {
                self.marks += 1;
                Ok(MarkReceipt { tick, journal: self.name(), number: self.marks })
            }
            Keeping::Gap(why, _) | Keeping::Anew(why) => Err(MarkError::Gap(why)),
        }
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
        if !matches!(self.keeping, Keeping::Well) {
            self.metrics.journals.in_gap.dec();
        }
        let notes = self.notes.iter().map(|note| Piece::note(note, self.seen)).collect();
        self.handle.end(self.seen, reason, notes).await;
    }

    /// The room goes on when the server starts again. False when it could not be saved.
    pub(super) fn save(mut self, state: &RoomState<G>) -> impl Future<Output = bool> + Send + use<G> {
        let tick = state.tick();
        self.flush(tick);
        let gap = match self.keeping {
            Keeping::Gap(why, _) => Some(why),
            Keeping::Well | Keeping::Anew(_) => None,
        };
        let checkpoint = self.recorder.checkpoint(state.game(), tick, state.holders());
        let notes = self.notes.iter().chain([&Note::Saved]).map(|note| Piece::note(note, tick)).collect();
        self.handle.leave(LastPieces { gap, checkpoint, notes })
    }

    fn flush(&mut self, tick: Tick) {
        if let Some(piece) = self.recorder.take() {
            self.write(piece, tick);
        }
    }

    /// Whether it was handed in; the storage has all that comes before it.
    fn try_note(&mut self, note: &Note, tick: Tick) -> bool {
        self.flush(tick);
        if matches!(self.keeping, Keeping::Well) {
            self.write(Piece::note(note, tick), tick);
        }
        matches!(self.keeping, Keeping::Well)
    }

    /// The new beginning is in the file, and notes that waited for it follow.
    fn go_on(&mut self, tick: Tick) {
        self.keeping = Keeping::Well;
        self.metrics.journals.in_gap.dec();
        info!(journal = %self.name(), "the journal goes on");
        std::mem::take(&mut self.notes).into_iter().for_each(|note| self.note(note, tick));
    }

    /// Segments are as long as they are to be in the mean: a checkpoint that came late does not make the next one late.
    fn checkpoint(&mut self, state: &RoomState<G>) {
        let due = self.checkpoint_due.after(self.pace.checkpoint_ticks);
        let piece = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.begin(piece, state.tick());
        if due > state.tick() {
            self.checkpoint_due = due;
        }
    }

    /// A segment begins.
    fn begin(&mut self, checkpoint: Piece, tick: Tick) {
        self.checkpoint_due = tick.after(self.pace.checkpoint_ticks);
        if !self.has_gap() {
            self.write(checkpoint, tick);
        }
    }

    fn begin_anew(&mut self, why: Refused, state: &RoomState<G>) {
        let piece = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.checkpoint_due = state.tick().after(self.pace.checkpoint_ticks);
        self.keeping = match self.handle.begin_anew(why, piece) {
            Ok(()) => Keeping::Anew(why),
            Err(_) => Keeping::Gap(why, state.tick().after(self.pace.retry_ticks)),
        };
    }

    fn write(&mut self, piece: Piece, tick: Tick) {
        let Err(why) = self.handle.write(piece) else { return };
        // Once an outage, not once a try.
        if matches!(self.keeping, Keeping::Well) {
            self.metrics.journals.in_gap.inc();
            error!(journal = %self.name(), %tick, %why, "the journal has a gap from here on; play goes on, and a crash would cost it");
        }
        self.keeping = Keeping::Gap(why, tick.after(self.pace.retry_ticks));
    }

    const fn has_gap(&self) -> bool {
        matches!(self.keeping, Keeping::Gap(..))
    }
}

#[cfg(test)]
mod tests;
