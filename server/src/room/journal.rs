//! A room's journal as the room's tick sees it: decides what is submitted when, and handles disk outages.

use std::{sync::Arc, time::Duration};

use quarrel_shared::{
    game::{Game, Setup},
    id::RoomId,
    journal::{Annotation, Chunk, Header, JournalWriter, Recorder},
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
        journals::{JournalHandle, JournalName, Journals, OutageReason, handle::FinalChunks},
    },
    telemetry::Metrics,
};

/// The services that rooms need to write journals.
#[derive(Clone, Debug)]
pub struct JournalServices {
    /// Opens journals.
    pub journals: Journals,
    /// The current run of the server.
    pub run: u32,
    /// The interval of checkpoints.
    pub checkpoint: Duration,
    /// The interval of ticks that carry a checksum of the state; zero: none does.
    pub checksum: Duration,
    /// The server's metrics.
    pub metrics: Arc<Metrics>,
}

/// Writes the journal of one room.
pub(super) struct RoomJournal<G: Game> {
    handle: JournalHandle,
    recorder: Recorder<G>,
    pace: JournalSchedule,
    /// The room's last tick, whether it is recorded or lost in a gap.
    last_tick: Tick,
    /// The tick at which the next segment begins.
    checkpoint_due: Tick,
    outage: Outage,
    /// Annotations that wait for the end of a gap.
    pending_annotations: Vec<Annotation>,
    /// The number of operators' marks.
    marks: u32,
    metrics: Arc<Metrics>,
}

/// The journal of a restored room, as far as it was read.
pub(super) struct ResumedJournal<'a> {
    pub(super) header: &'a Header,
    /// Positioned behind the last block that can be played.
    pub(super) writer: JournalWriter,
    /// The number of operators' marks.
    pub(super) marks: u32,
    /// Match results whose annotations were lost.
    pub(super) lost_results: &'a [MatchRecord],
}

/// The outage of a journal's disk, if there is one.
#[derive(Clone, Copy)]
enum Outage {
    /// Every chunk was accepted.
    None,
    /// The journal has a gap, and restarts at this tick at the earliest.
    Open { reason: OutageReason, retry_at: Tick },
    /// The journal was restarted after a gap, and the restart is not confirmed to be in the file. Chunks are submitted; annotations
    /// wait, because a lost one could not be written a second time.
    Recovering { reason: OutageReason },
}

/// The maximum number of annotations that wait for the end of a gap. They are results of matches that ended in it: three hours of them
/// at three minutes each. More are dropped with a log line; the storage receives their results all the same.
const MAX_PENDING_ANNOTATIONS: usize = 64;

impl JournalServices {
    /// Returns the header of a room that opens now; `None`, with a log line, when the game's settings are not valid JSON.
    pub(super) fn header<G: Game>(
        &self,
        id: RoomId,
        setup: &Setup<G::Settings>,
        unix_ms: u64,
    ) -> Option<Header> {
        let header = Header::of::<G>(setup).inspect_err(
            |error| error!(%error, "game settings cannot be serialized as JSON, room runs without a journal"),
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
    /// Opens the journal of a new room.
    pub(super) fn open(services: &JournalServices, header: &Header, state: &RoomState<G>) -> Self {
        let (mut journal, checkpoint) = Self::new(services, header, None, state);
        journal.begin_segment(checkpoint, state.tick());
        journal
    }

    /// Resumes the journal of a restored room, and annotates it with the results that it lost.
    pub(super) fn resume(
        services: &JournalServices,
        resumed: ResumedJournal<'_>,
        unix_ms: u64,
        state: &RoomState<G>,
    ) -> Self {
        let ResumedJournal { header, writer, marks, lost_results } = resumed;
        let (mut journal, checkpoint) = Self::new(services, header, Some(writer), state);
        journal.marks = marks;
        lost_results.iter().for_each(|record| journal.record_outcome(record, state.tick()));
        let build = env!("CARGO_PKG_VERSION").to_owned();
        journal.annotate(Annotation::Resumed { run: services.run, build, unix_ms }, state.tick());
        journal.begin_segment(checkpoint, state.tick());
        journal
    }

    /// Returns a journal and its first checkpoint. The checkpoint is made before the journal is opened, because a game may panic there.
    fn new(
        services: &JournalServices,
        header: &Header,
        writer: Option<JournalWriter>,
        state: &RoomState<G>,
    ) -> (Self, Chunk) {
        let mut recorder = Recorder::new(header);
        let checkpoint = recorder.checkpoint(state.game(), state.tick(), state.holders());
        let name = JournalName { run: header.run, room: header.room };
        let journal = Self {
            handle: services.journals.open(name, Chunk::header(header), writer),
            recorder,
            pace: JournalSchedule::new(header.rate(), services.checkpoint),
            last_tick: state.tick(),
            checkpoint_due: Tick(0),
            outage: Outage::None,
            pending_annotations: Vec::new(),
            marks: 0,
            metrics: Arc::clone(&services.metrics),
        };
        (journal, checkpoint)
    }

    /// Returns the file name of the journal.
    pub(super) const fn name(&self) -> JournalName {
        self.handle.name()
    }

    /// Records a tick. [`Self::write_due`] must follow, after the annotations of the tick.
    pub(super) fn tick(&mut self, state: &RoomState<G>) {
        if !self.has_gap() {
            self.recorder.tick(state.tick(), state.seat_entries(), state.entries(), state.game());
        }
        self.last_tick = state.tick();
    }

    /// Submits the recorded ticks and a checkpoint when they are due. A checkpoint comes behind the annotation of a match's end:
    /// otherwise a room that is restored from the checkpoint could not know that the match ended at its tick. `now` is the duration
    /// since the server's epoch.
    pub(super) fn write_due(&mut self, state: &RoomState<G>, now: Duration) {
        if !self.pace.is_due(now) {
            return;
        }
        if let Outage::Open { reason, retry_at } = self.outage {
            if state.tick() >= retry_at {
                self.restart_after_gap(reason, state);
            }
            return;
        }
        self.flush(state.tick());
        if matches!(self.outage, Outage::Recovering { .. }) && self.handle.has_restarted() {
            self.end_outage(state.tick());
        }
        if state.tick() >= self.checkpoint_due && !self.has_gap() {
            self.checkpoint(state);
        }
    }

    /// Writes an annotation after this tick, or keeps it until the end of a gap.
    pub(super) fn annotate(&mut self, annotation: Annotation, tick: Tick) {
        if self.try_annotate(&annotation, tick) {
            return;
        }
        if self.pending_annotations.len() < MAX_PENDING_ANNOTATIONS {
            self.pending_annotations.push(annotation);
        } else {
            let journal = self.name();
            error!(%journal, %tick, ?annotation, "journal annotation dropped, the gap in the journal has lasted too long");
        }
    }

    /// Marks this tick for an operator. In a gap there is nothing to mark, and a mark behind the gap would be of another moment.
    pub(super) fn mark(&mut self, reason: String, tick: Tick) -> Result<MarkReceipt, MarkError> {
        self.try_annotate(&Annotation::Mark { reason }, tick);
        match self.outage {
            Outage::None => {
                self.marks += 1;
                Ok(MarkReceipt { tick, journal: self.name(), number: self.marks })
            }
            Outage::Open { reason, .. } | Outage::Recovering { reason } => Err(MarkError::Gap(reason)),
        }
    }

    /// Annotates the result of a match that ended at this tick.
    pub(super) fn record_outcome(&mut self, record: &MatchRecord, tick: Tick) {
        match serde_json::to_value(record) {
            Ok(record) => self.annotate(Annotation::Outcome { record }, tick),
            Err(error) => {
                error!(%error, "match result cannot be serialized as JSON, left out of the journal")
            }
        }
    }

    /// Ends the journal. A tick in which the game panicked does not count: nothing of it is missing.
    pub(super) async fn end(mut self, reason: &'static str) {
        self.flush(self.last_tick);
        if !matches!(self.outage, Outage::None) {
            self.metrics.journals.in_gap.dec();
        }
        let pending = self.pending_annotations.iter();
        let annotations = pending.map(|annotation| Chunk::annotation(annotation, self.last_tick)).collect();
        self.handle.end(self.last_tick, reason, annotations).await;
    }

    /// Saves the room for the next run of the server. The future returns false when the room could not be saved.
    pub(super) fn save(mut self, state: &RoomState<G>) -> impl Future<Output = bool> + Send + use<G> {
        let tick = state.tick();
        self.flush(tick);
        let gap = match self.outage {
            Outage::Open { reason, .. } => Some(reason),
            Outage::None | Outage::Recovering { .. } => None,
        };
        let checkpoint = self.recorder.checkpoint(state.game(), tick, state.holders());
        let annotations = self.pending_annotations.iter().chain([&Annotation::Saved]);
        let annotations = annotations.map(|annotation| Chunk::annotation(annotation, tick)).collect();
        self.handle.save(FinalChunks { gap, checkpoint, annotations })
    }

    fn flush(&mut self, tick: Tick) {
        if let Some(chunk) = self.recorder.take() {
            self.write(chunk, tick);
        }
    }

    /// Submits an annotation behind all recorded ticks; returns whether it was accepted.
    fn try_annotate(&mut self, annotation: &Annotation, tick: Tick) -> bool {
        self.flush(tick);
        if matches!(self.outage, Outage::None) {
            self.write(Chunk::annotation(annotation, tick), tick);
        }
        matches!(self.outage, Outage::None)
    }

    /// Ends an outage whose restart is in the file, and writes the annotations that waited for it.
    fn end_outage(&mut self, tick: Tick) {
        self.outage = Outage::None;
        self.metrics.journals.in_gap.dec();
        info!(journal = %self.name(), "journal writing resumed after a gap");
        let pending = std::mem::take(&mut self.pending_annotations);
        pending.into_iter().for_each(|annotation| self.annotate(annotation, tick));
    }

    /// Begins a segment with the current state. The due times keep the configured interval on average: a late checkpoint does not delay
    /// the next one.
    fn checkpoint(&mut self, state: &RoomState<G>) {
        let due = self.checkpoint_due.after(self.pace.checkpoint_ticks);
        let chunk = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.begin_segment(chunk, state.tick());
        if due > state.tick() {
            self.checkpoint_due = due;
        }
    }

    fn begin_segment(&mut self, checkpoint: Chunk, tick: Tick) {
        self.checkpoint_due = tick.after(self.pace.checkpoint_ticks);
        if !self.has_gap() {
            self.write(checkpoint, tick);
        }
    }

    fn restart_after_gap(&mut self, reason: OutageReason, state: &RoomState<G>) {
        let checkpoint = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.checkpoint_due = state.tick().after(self.pace.checkpoint_ticks);
        self.outage = match self.handle.restart_after_gap(reason, checkpoint) {
            Ok(()) => Outage::Recovering { reason },
            Err(_) => Outage::Open { reason, retry_at: state.tick().after(self.pace.retry_ticks) },
        };
    }

    fn write(&mut self, chunk: Chunk, tick: Tick) {
        let Err(reason) = self.handle.write(chunk) else { return };
        // Once per outage, not once per attempt.
        if matches!(self.outage, Outage::None) {
            self.metrics.journals.in_gap.inc();
            let journal = self.name();
            error!(%journal, %tick, %reason, "journal gap begins, play continues but a crash would lose it");
        }
        self.outage = Outage::Open { reason, retry_at: tick.after(self.pace.retry_ticks) };
    }

    const fn has_gap(&self) -> bool {
        matches!(self.outage, Outage::Open { .. })
    }
}

#[cfg(test)]
mod tests;
