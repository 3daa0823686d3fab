//! The task that writes journals: encodes the chunks of all rooms as blocks, and appends them to the files about six times a second.
//!
//! While the disk is full or broken, rooms continue, and their journals lose ticks. After a failed write, the task cuts the file after
//! its last valid block, rejects further chunks of the journal, and notifies the room through the shared status. The room then
//! restarts the journal with a checkpoint, and an annotation before it declares the lost ticks.

use std::{collections::BTreeMap, io, sync::Arc, thread, time::Duration};

use quarrel_shared::{
    journal::{Annotation, Chunk, JournalWriter, writer::Position},
    tick::Tick,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tracing::{error, info};

use super::{
    handle::{FinalChunks, Journals, MAX_WAITING_REQUESTS, OutageReason, Request, RoomEnd, WriteStatus},
    name::JournalName,
    store::{JournalFile, JournalStore},
};
use crate::telemetry::Metrics;

/// The time for which requests gather before they are written. A room gathers ticks for 175 ms, so a tick is written after at most
/// 175 + 40 = 215 ms. All rooms submit at the same times, each at its first tick after such a time. A tick period of at most 40 ms
/// (25 ticks per second) therefore lets the task write all rooms at once.
const GATHER: Duration = Duration::from_millis(40);

/// The maximum number of threads that flush the files of saved rooms. A disk does some 90 flushes a second one after the other, and many more
/// at the same time, because a file system flushes them together.
const MAX_SYNC_THREADS: usize = 32;

/// Creates the handle that opens journals, and the task that writes them. The caller spawns the task. The task blocks on the disk, so it
/// must not share a thread with rooms or sessions. It ends when all handles are dropped and everything is written.
pub fn start(
    store: Arc<dyn JournalStore>,
    metrics: Arc<Metrics>,
) -> (Journals, impl Future<Output = ()> + Send + 'static) {
    let (requests, inbox) = mpsc::channel(MAX_WAITING_REQUESTS);
    let task = JournalTask { disk: Disk { store, metrics }, open: BTreeMap::new(), saved: Vec::new() };
    (Journals::new(requests), task.run(inbox))
}

/// The task that writes all open journals.
struct JournalTask {
    disk: Disk,
    open: BTreeMap<JournalName, OpenJournal>,
    /// The journals of saved rooms, which are written and not flushed yet.
    saved: Vec<SavedJournal>,
}

/// The journal of a saved room.
struct SavedJournal {
    journal: OpenJournal,
    /// Receives whether the room's state is on the disk.
    reply: oneshot::Sender<bool>,
}

/// The store of the files, and the metrics.
struct Disk {
    store: Arc<dyn JournalStore>,
    metrics: Arc<Metrics>,
}

/// The state of one open journal.
struct OpenJournal {
    name: JournalName,
    header: Chunk,
    status: Arc<WriteStatus>,
    /// The current generation: 1, plus one for each restart by the room after a gap.
    generation: u32,
    /// The encoder of chunks; `None` until it could be created, because that allocates memory.
    writer: Option<JournalWriter>,
    /// The open file; `None` until it could be created or reopened, and after an error that left it in an unknown state.
    file: Option<Box<dyn JournalFile>>,
    /// The end of the valid data in the file.
    written: Position,
    /// Encoded bytes that are not written yet.
    encoded: Vec<u8>,
    /// The number of lost ticks that an annotation in `encoded` declares. They are added to the metric when `encoded` is written,
    /// because after a failed write another annotation declares them again.
    lost_ticks: u64,
    /// Whether a write failed and the room has not restarted the journal since.
    is_failing: bool,
    /// Whether the current outage was logged.
    is_outage_logged: bool,
}

impl JournalTask {
    /// Applies and writes requests until all handles are dropped.
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        while let Some(first) = inbox.recv().await {
            self.apply(first);
            sleep(GATHER).await;
            while let Ok(request) = inbox.try_recv() {
                self.apply(request);
            }
            self.open.values_mut().for_each(|journal| journal.write(&self.disk));
            self.sync_saved();
        }
        for journal in self.open.values_mut() {
            journal.write(&self.disk);
            journal.sync();
        }
    }

    fn apply(&mut self, request: Request) {
        match request {
            Request::Open { name, header, writer, status } => self.open_journal(name, header, writer, status),
            Request::Write(name, chunk) => self.write(name, &chunk),
            Request::RestartAfterGap { name, generation, reason, checkpoint } => {
                self.restart_after_gap(name, generation, reason, &checkpoint);
            }
            Request::End { name, end } => self.end(name, &end),
            Request::Save { name, last, reply } => self.save(name, &last, reply),
        }
    }

    fn open_journal(
        &mut self,
        name: JournalName,
        header: Chunk,
        writer: Option<JournalWriter>,
        status: Arc<WriteStatus>,
    ) {
        let written = writer.as_ref().map(JournalWriter::position).unwrap_or_default();
        let journal = OpenJournal {
            name,
            header,
            status,
            generation: 1,
            writer,
            file: None,
            written,
            encoded: Vec::new(),
            lost_ticks: 0,
            is_failing: false,
            is_outage_logged: false,
        };
        self.disk.metrics.journals.open.inc();
        let journal = self.open.entry(name).insert_entry(journal).into_mut();
        if let Err(error) = journal.open(&self.disk) {
            journal.fail(&error, &self.disk);
        }
    }

    fn write(&mut self, name: JournalName, chunk: &Chunk) {
        let Some(journal) = self.open.get_mut(&name) else { return };
        journal.status.remove_waiting(chunk.bytes.len());
        // Chunks after a failed one cannot be played until the room restarts the journal with a checkpoint.
        if !journal.is_failing {
            journal.encode(chunk, &self.disk);
        }
    }

    fn restart_after_gap(
        &mut self,
        name: JournalName,
        generation: u32,
        reason: OutageReason,
        checkpoint: &Chunk,
    ) {
        let Some(journal) = self.open.get_mut(&name) else { return };
        journal.status.remove_waiting(checkpoint.bytes.len());
        journal.generation = generation;
        journal.restart_after_gap(reason, checkpoint, &self.disk);
        journal.write(&self.disk);
        if journal.is_failing {
            return;
        }
        journal.status.set_restarted(generation);
        if std::mem::take(&mut journal.is_outage_logged) {
            info!(journal = %name, "journal writes succeed again");
        }
    }

    fn end(&mut self, name: JournalName, end: &RoomEnd) {
        let Some(mut journal) = self.open.remove(&name) else { return };
        self.disk.metrics.journals.open.dec();
        journal.end(end, &self.disk);
        // Not flushed to the disk, because all other journals would wait for the flush.
        journal.write(&self.disk);
    }

    /// Writes the last chunks of a room, whose file [`Self::sync_saved`] flushes.
    fn save(&mut self, name: JournalName, last: &FinalChunks, reply: oneshot::Sender<bool>) {
        let Some(mut journal) = self.open.remove(&name) else { return };
        self.disk.metrics.journals.open.dec();
        let gap = if journal.is_failing { Some(OutageReason::Failed) } else { last.gap };
        match gap {
            Some(reason) => journal.restart_after_gap(reason, &last.checkpoint, &self.disk),
            None => journal.encode(&last.checkpoint, &self.disk),
        }
        // Without the checkpoint, the room is not restored to this tick, and annotations of the tick have no use.
        if !journal.is_failing {
            last.annotations.iter().for_each(|annotation| journal.encode(annotation, &self.disk));
        }
        journal.write(&self.disk);
        self.saved.push(SavedJournal { journal, reply });
    }

    /// Flushes the files of saved rooms to the disk, many at the same time, and replies to the rooms whether they are saved.
    fn sync_saved(&mut self) {
        let mut saved = std::mem::take(&mut self.saved);
        let files_per_thread = saved.len().div_ceil(MAX_SYNC_THREADS).max(1);
        thread::scope(|scope| {
            for saved in saved.chunks_mut(files_per_thread) {
                scope.spawn(|| saved.iter_mut().for_each(|SavedJournal { journal, .. }| journal.sync()));
            }
        });
        for SavedJournal { journal, reply } in saved {
            // Sending fails when the room no longer waits for the reply, which is not an error.
            let _ = reply.send(!journal.is_failing);
        }
    }
}

impl OpenJournal {
    /// Creates or reopens the file, unless it is open. A new file begins with the header.
    fn open(&mut self, disk: &Disk) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => JournalWriter::new()?,
        };
        let writer = self.writer.insert(writer);
        if self.written.bytes > 0 {
            self.file = Some(disk.store.reopen(self.name, self.written.bytes)?);
            return Ok(());
        }
        self.file = Some(disk.store.create(self.name)?);
        self.encoded.clear();
        writer.write(&self.header, &mut self.encoded)
    }

    /// Opens the file again if necessary, declares the lost ticks, and encodes the checkpoint with which the journal continues.
    fn restart_after_gap(&mut self, reason: OutageReason, checkpoint: &Chunk, disk: &Disk) {
        if let Err(error) = self.open(disk) {
            self.fail(&error, disk);
            return;
        }
        self.is_failing = false;
        self.declare_lost(reason, checkpoint.tick, disk);
        self.encode(checkpoint, disk);
    }

    /// Encodes an annotation that declares the ticks after the last encoded one, up to and including `to`, as lost; none if there are no
    /// such ticks.
    fn declare_lost(&mut self, reason: OutageReason, to: Tick, disk: &Disk) {
        let Some(writer) = &self.writer else { return };
        let from = writer.position().tick().next();
        if from > to {
            return;
        }
        self.lost_ticks = u64::from(to.since(from)) + 1;
        let lost = Annotation::Lost { from: from.0, to: to.0, why: reason.to_string() };
        self.encode(&Chunk::annotation(&lost, to), disk);
    }

    /// Encodes the end of the room. This is tried even when the room did not restart the journal after a failed write, because a journal
    /// without an end counts as that of a running room, which the next start restores.
    fn end(&mut self, end: &RoomEnd, disk: &Disk) {
        let reason = if self.is_failing { OutageReason::Failed } else { OutageReason::Slow };
        if self.is_failing {
            if let Err(error) = self.open(disk) {
                self.fail(&error, disk);
                return;
            }
            self.is_failing = false;
        }
        // When the room ends in a gap, its lost ticks are not declared yet.
        self.declare_lost(reason, end.tick, disk);
        end.annotations.iter().for_each(|annotation| self.encode(annotation, disk));
        if let Some(writer) = &mut self.writer {
            writer.end(end.reason, end.tick, &mut self.encoded);
        }
    }

    /// Encodes a chunk as a block, to be written later.
    fn encode(&mut self, chunk: &Chunk, disk: &Disk) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = writer.write(chunk, &mut self.encoded) {
            self.fail(&error, disk);
        }
    }

    /// Appends the encoded blocks to the file.
    fn write(&mut self, disk: &Disk) {
        let (Some(file), Some(writer)) = (&mut self.file, &self.writer) else { return };
        if self.encoded.is_empty() {
            return;
        }
        match file.append(&self.encoded) {
            Ok(()) => {
                disk.metrics.journals.bytes.inc_by(self.encoded.len() as u64);
                disk.metrics.journals.ticks_lost.inc_by(std::mem::take(&mut self.lost_ticks));
                self.written = writer.position();
                self.encoded.clear();
            }
            Err(error) => self.fail(&error, disk),
        }
    }

    /// Begins or continues an outage: rejects further chunks until the room restarts the journal, and cuts the file after its last valid
    /// block.
    fn fail(&mut self, error: &io::Error, disk: &Disk) {
        disk.metrics.journals.write_errors.inc();
        self.is_failing = true;
        self.status.set_failed(self.generation);
        self.encoded.clear();
        self.lost_ticks = 0;
        if let Some(writer) = &mut self.writer {
            writer.roll_back(self.written);
        }
        // A file that cannot be cut now is reopened and cut at the next restart of the journal. A crash before that leaves part of a block
        // at the end of the file (a torn tail), which readers tolerate.
        if self.file.as_mut().is_some_and(|file| file.cut(self.written.bytes).is_err()) {
            self.file = None;
        }
        if self.written.bytes == 0 {
            self.file = None;
        }
        if !std::mem::replace(&mut self.is_outage_logged, true) {
            let journal = self.name;
            error!(%journal, %error, "journal write failed, play continues without a journal until writes succeed");
        }
    }

    /// Flushes the file to the disk. After an error, which is logged, the journal counts as failing.
    fn sync(&mut self) {
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.sync()) {
            self.is_failing = true;
            error!(journal = %self.name, %error, "journal sync failed, recent entries may be lost if the machine crashes");
        }
    }
}
