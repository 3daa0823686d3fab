//! The room's side of its journal: records ticks, decides when to submit them to the storage, and handles outages of the disk.
//!
//! A *chunk* is the unit that the room submits: the header, recorded ticks, a checkpoint, or an annotation. A
//! *segment* is a checkpoint and the ticks after it. The storage refuses chunks while its queue is full or a write has failed. Then the
//! journal has a *gap*: ticks are not recorded until the storage accepts a checkpoint, with which a new segment starts.

use std::{sync::Arc, time::Duration};

use quarrel_shared::{
    game::{Game, Setup},
    id::{RoomId, RoomUid},
    journal::{Annotation, Chunk, Header, JournalWriter, Recorder},
    tick::Tick,
};
use tokio::time::Instant;
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
    /// The number of this run of the server.
    pub run: u32,
    /// The time between two checkpoints.
    pub checkpoint: Duration,
    /// The time between two ticks that are recorded with a checksum of the state; zero for no checksums.
    pub checksum: Duration,
    /// The server's metrics.
    pub metrics: Arc<Metrics>,
}

/// Writes the journal of one room.
pub(super) struct RoomJournal<G: Game> {
    handle: JournalHandle,
    recorder: Recorder<G>,
    schedule: JournalSchedule,
    /// The room's newest tick, whether it is recorded or missing because of a gap.
    last_tick: Tick,
    /// The tick at which the next checkpoint is due.
    checkpoint_due: Tick,
    outage: Outage,
    /// Annotations that are kept until the end of an outage.
    pending_annotations: Vec<Annotation>,
    /// The number of operators' marks.
    marks: u32,
    /// The time that encoding the state took for the last checkpoint.
    encoding_time: Duration,
    metrics: Arc<Metrics>,
}

/// The journal of a restored room, as far as it was read.
pub(super) struct ResumedJournal<'a> {
    pub(super) header: &'a Header,
    /// The writer that continues the file after the last part that can be played.
    pub(super) writer: JournalWriter,
    /// The number of operators' marks.
    pub(super) marks: u32,
    /// The match results whose annotations were lost with the end of the file.
    pub(super) lost_results: &'a [MatchRecord],
}

/// Whether the storage accepts the journal's chunks.
#[derive(Clone, Copy)]
enum Outage {
    /// There is no outage: the storage has accepted each chunk.
    None,
    /// The storage has refused a chunk, and the journal has a gap. The room tries to restart the journal at the tick `retry_at`.
    Open { reason: OutageReason, retry_at: Tick },
    /// The storage has accepted the checkpoint that ends a gap, and has not confirmed yet that it is in the file. Ticks are recorded and
    /// submitted. Annotations are kept back, because one that is lost could not be submitted a second time.
    Recovering { reason: OutageReason },
}

/// The maximum number of annotations that are kept until the end of an outage. They are the results of matches that ended meanwhile: at
/// three minutes per match, 64 x 3 min = about three hours. More are dropped with a log line; the storage of match results receives the
/// results all the same.
const MAX_PENDING_ANNOTATIONS: usize = 64;

impl JournalServices {
    /// Returns the journal header of a room that opens now. Returns `None`, with a log line, if the game's settings cannot be serialized as
    /// JSON.
    pub(super) fn header<G: Game>(
        &self,
        id: RoomId,
        uid: RoomUid,
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
            uid: Some(uid),
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

    /// Resumes the journal of a restored room, and annotates it with the match results that were lost with the end of the file.
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

    /// Returns a journal and its first checkpoint. The checkpoint is encoded before the journal is opened, because the game may panic while
    /// its state is encoded.
    fn new(
        services: &JournalServices,
        header: &Header,
        writer: Option<JournalWriter>,
        state: &RoomState<G>,
    ) -> (Self, Chunk) {
        let mut recorder = Recorder::new(header);
        let started = Instant::now();
        let checkpoint = recorder.checkpoint(state.game(), state.tick(), state.holders());
        let encoding_time = started.elapsed();
        let name = JournalName { run: header.run, room: header.room };
        let journal = Self {
            handle: services.journals.open(name, Chunk::header(header), writer),
            recorder,
            schedule: JournalSchedule::new(header.rate(), services.checkpoint),
            last_tick: state.tick(),
            checkpoint_due: Tick(0),
            outage: Outage::None,
            pending_annotations: Vec::new(),
            marks: 0,
            encoding_time,
            metrics: Arc::clone(&services.metrics),
        };
        (journal, checkpoint)
    }

    /// Returns the name of the journal.
    pub(super) const fn name(&self) -> JournalName {
        self.handle.name()
    }

    /// Returns the time that encoding the state took for the last checkpoint.
    pub(super) const fn encoding_time(&self) -> Duration {
        self.encoding_time
    }

    /// Records the newest tick, unless the journal has a gap. The caller then adds the annotations of the tick, and calls
    /// [`Self::write_due`].
    pub(super) fn record_tick(&mut self, state: &RoomState<G>) {
        if !self.has_gap() {
            self.recorder.tick(state.tick(), state.seat_entries(), state.entries(), state.game());
        }
        self.last_tick = state.tick();
    }

    /// Submits the recorded ticks and a checkpoint when they are due, or tries to end a gap. A checkpoint is submitted after the
    /// annotations of its tick: otherwise a room that is restored from the checkpoint would not know that a match has ended at that tick.
    /// `now` is the duration since the server's epoch.
    pub(super) fn write_due(&mut self, state: &RoomState<G>, now: Duration) {
        if !self.schedule.is_due(now) {
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

    /// Submits an annotation of this tick, or keeps it until the end of an outage.
    pub(super) fn annotate(&mut self, annotation: Annotation, tick: Tick) {
        if self.try_annotate(&annotation, tick) {
            return;
        }
        if self.pending_annotations.len() < MAX_PENDING_ANNOTATIONS {
            self.pending_annotations.push(annotation);
        } else {
            let journal = self.name();
            error!(%journal, %tick, ?annotation, "journal annotation dropped, the outage of the journal has lasted too long");
        }
    }

    /// Marks this tick for an operator.
    ///
    /// # Errors
    /// During an outage. The tick may not be in the journal, and a mark after the outage would be at another tick.
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

    /// Ends the journal after the room's last tick. A tick in which the game panicked is not recorded and does not count as missing.
    pub(super) async fn end(mut self, reason: &'static str) {
        self.flush(self.last_tick);
        self.leave_gap();
        let pending = self.pending_annotations.iter();
        let annotations = pending.map(|annotation| Chunk::annotation(annotation, self.last_tick)).collect();
        self.handle.end(self.last_tick, reason, annotations).await;
    }

    /// Saves the room's current state for the next run of the server. The future returns false if the state could not be saved.
    pub(super) fn save(mut self, state: &RoomState<G>) -> impl Future<Output = bool> + Send + use<G> {
        let tick = state.tick();
        self.flush(tick);
        self.leave_gap();
        let gap = match self.outage {
            Outage::Open { reason, .. } => Some(reason),
            Outage::None | Outage::Recovering { .. } => None,
        };
        let checkpoint = self.recorder.checkpoint(state.game(), tick, state.holders());
        let annotations = self.pending_annotations.iter().chain([&Annotation::Saved]);
        let annotations = annotations.map(|annotation| Chunk::annotation(annotation, tick)).collect();
        self.handle.save(FinalChunks { gap, checkpoint, annotations })
    }

    /// Removes the journal, whose room is closing, from the metric of journals with a gap.
    fn leave_gap(&self) {
        if !matches!(self.outage, Outage::None) {
            self.metrics.journals.in_gap.dec();
        }
    }

    /// Submits the recorded ticks.
    fn flush(&mut self, tick: Tick) {
        if let Some(chunk) = self.recorder.take() {
            self.write(chunk, tick);
        }
    }

    /// Submits all recorded ticks and then an annotation, unless there is an outage. Returns true if the annotation was accepted.
    fn try_annotate(&mut self, annotation: &Annotation, tick: Tick) -> bool {
        self.flush(tick);
        if matches!(self.outage, Outage::None) {
            self.write(Chunk::annotation(annotation, tick), tick);
        }
        matches!(self.outage, Outage::None)
    }

    /// Ends an outage after the storage has confirmed the restart, and submits the annotations that were kept.
    fn end_outage(&mut self, tick: Tick) {
        self.outage = Outage::None;
        self.metrics.journals.in_gap.dec();
        info!(journal = %self.name(), "journal writing resumed after a gap");
        let pending = std::mem::take(&mut self.pending_annotations);
        pending.into_iter().for_each(|annotation| self.annotate(annotation, tick));
    }

    /// Starts a segment with a checkpoint of the current state. The next checkpoint is due one interval after this one was due, so a late
    /// checkpoint does not delay the next one.
    fn checkpoint(&mut self, state: &RoomState<G>) {
        let due = self.checkpoint_due.after(self.schedule.checkpoint_ticks);
        let started = Instant::now();
        let chunk = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.encoding_time = started.elapsed();
        self.begin_segment(chunk, state.tick());
        // Otherwise this checkpoint is late by more than an interval, and the next one is due an interval from now.
        if due > state.tick() {
            self.checkpoint_due = due;
        }
    }

    /// Submits a checkpoint, unless the journal has a gap. The next checkpoint is due one interval later.
    fn begin_segment(&mut self, checkpoint: Chunk, tick: Tick) {
        self.checkpoint_due = tick.after(self.schedule.checkpoint_ticks);
        if !self.has_gap() {
            self.write(checkpoint, tick);
        }
    }

    /// Tries to end a gap with a checkpoint of the current state.
    fn restart_after_gap(&mut self, reason: OutageReason, state: &RoomState<G>) {
        let checkpoint = self.recorder.checkpoint(state.game(), state.tick(), state.holders());
        self.checkpoint_due = state.tick().after(self.schedule.checkpoint_ticks);
        self.outage = match self.handle.restart_after_gap(reason, checkpoint) {
            Ok(()) => Outage::Recovering { reason },
            Err(_) => Outage::Open { reason, retry_at: state.tick().after(self.schedule.retry_ticks) },
        };
    }

    /// Submits a chunk. If the storage refuses it, a gap starts.
    fn write(&mut self, chunk: Chunk, tick: Tick) {
        let Err(reason) = self.handle.write(chunk) else { return };
        // Counted and logged once per outage, and not for each chunk that is refused.
        if matches!(self.outage, Outage::None) {
            self.metrics.journals.in_gap.inc();
            let journal = self.name();
            error!(%journal, %tick, %reason, "journal gap starts, play continues and is lost if the server crashes");
        }
        self.outage = Outage::Open { reason, retry_at: tick.after(self.schedule.retry_ticks) };
    }

    /// Returns true while ticks are not recorded.
    const fn has_gap(&self) -> bool {
        matches!(self.outage, Outage::Open { .. })
    }
}

#[cfg(test)]
mod tests;
