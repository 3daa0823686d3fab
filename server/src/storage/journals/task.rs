//! The queue between rooms and their journals' files: packs what rooms hand in, and writes it some six times a second.
//!
//! A disk that is full or broken costs a journal a stretch of ticks and nobody anything else: what could not be written is cut off
//! again, the room is told, and when it begins anew with a checkpoint the journal says what is missing.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use quarrel_shared::{
    journal::{Note, Packer, Piece, packer::Place},
    tick::Tick,
};
use tokio::{sync::mpsc, time::sleep};
use tracing::{error, info};

use super::{
    handle::{Journals, LastPieces, REQUESTS_WAITING, Refused, Request, Standing},
    name::JournalName,
    store::{JournalFile, JournalStore},
};
use crate::telemetry::Metrics;

/// How long what rooms hand in may gather before it is written: with the 175 ms that a room gathers it makes 215. Rooms hand in within a
/// tick of the same moments, so that those of 25 ticks a second or more are all written at once.
const GATHER: Duration = Duration::from_millis(40);

/// A queue and the task that empties it. The task waits for the disk, so it must run where nobody minds. It ends when all handles are
/// gone and everything is written.
pub fn start(
    store: Arc<dyn JournalStore>,
    metrics: Arc<Metrics>,
) -> (Journals, impl Future<Output = ()> + Send + 'static) {
    let (requests, waiting) = mpsc::channel(REQUESTS_WAITING);
    let task = JournalTask { store, metrics, open: BTreeMap::new() };
    (Journals::new(requests), task.run(waiting))
}

/// Every journal that is written.
struct JournalTask {
    store: Arc<dyn JournalStore>,
    metrics: Arc<Metrics>,
    open: BTreeMap<JournalName, OpenJournal>,
}

/// One of them.
struct OpenJournal {
    header: Piece,
    standing: Arc<Standing>,
    /// As the room counts them.
    beginning: u32,
    packer: Option<Packer>,
    /// `None` until it could be made.
    file: Option<Box<dyn JournalFile>>,
    /// How far the file is good.
    written: Place,
    /// What is packed and not written.
    packed: Vec<u8>,
    /// How many ticks what is packed says to be missing. Counted when it is written: a try that fails tells of them again.
    lost: u64,
    /// Whether something could not be written, and the room has not begun anew since.
    is_failing: bool,
    /// Whether an outage was told already.
    is_told: bool,
}

impl JournalTask {
    async fn run(mut self, mut waiting: mpsc::Receiver<Request>) {
        while let Some(first) = waiting.recv().await {
            self.apply(first);
            sleep(GATHER).await;
            while let Ok(request) = waiting.try_recv() {
                self.apply(request);
            }
            self.open.iter_mut().for_each(|(name, journal)| journal.write(*name, &self.metrics));
        }
        for (name, journal) in &mut self.open {
            journal.write(*name, &self.metrics);
            journal.sync(*name);
        }
    }

    fn apply(&mut self, request: Request) {
        match request {
            Request::Open { name, header, packer, standing } => self.begin(name, header, packer, standing),
            Request::Write(name, piece) => self.write(name, &piece),
            Request::BeginAnew { name, beginning, why, checkpoint } => {
                self.begin_anew(name, beginning, why, &checkpoint);
            }
            Request::End { name, tick, reason, notes } => self.end(name, tick, reason, &notes),
            // The room may be gone for as long as this takes: then nobody minds.
            Request::Leave { name, last, reply } => drop(reply.send(self.leave(name, &last))),
        }
    }

    fn begin(&mut self, name: JournalName, header: Piece, packer: Option<Packer>, standing: Arc<Standing>) {
        let written = packer.as_ref().map(Packer::place).unwrap_or_default();
        let journal = OpenJournal {
            header,
            standing,
            beginning: 1,
            packer,
            file: None,
            written,
            packed: Vec::new(),
            lost: 0,
            is_failing: false,
            is_told: false,
        };
        self.metrics.journals.open.inc();
        let journal = self.open.entry(name).insert_entry(journal).into_mut();
        if let Err(error) = journal.open(name, &*self.store) {
            journal.fail(name, &error, &self.metrics);
        }
    }

    fn write(&mut self, name: JournalName, piece: &Piece) {
        let Some(journal) = self.open.get_mut(&name) else { return };
        journal.standing.taken(piece.bytes.len());
        // What comes after a failure is of no use before the room has begun anew.
        if !journal.is_failing {
            journal.pack(name, piece, &self.metrics);
        }
    }

    fn begin_anew(&mut self, name: JournalName, beginning: u32, why: Refused, checkpoint: &Piece) {
        let Some(journal) = self.open.get_mut(&name) else { return };
        journal.standing.taken(checkpoint.bytes.len());
        journal.beginning = beginning;
        journal.begin_anew(name, (why, checkpoint), &*self.store, &self.metrics);
        journal.write(name, &self.metrics);
        if journal.is_failing {
            return;
        }
        journal.standing.begin(beginning);
        if std::mem::take(&mut journal.is_told) {
            info!(journal = %name, "the journal is written again");
        }
    }

    fn end(&mut self, name: JournalName, tick: Tick, reason: &str, notes: &[Piece]) {
        let Some(mut journal) = self.open.remove(&name) else { return };
        self.metrics.journals.open.dec();
        journal.end(name, (tick, reason, notes), &*self.store, &self.metrics);
        // Not synced: that would keep all others' journals waiting for a disk's slowest answer.
        journal.write(name, &self.metrics);
    }

    /// Whether all of it is written.
    fn leave(&mut self, name: JournalName, last: &LastPieces) -> bool {
        let Some(mut journal) = self.open.remove(&name) else { return false };
        self.metrics.journals.open.dec();
        let gap = if journal.is_failing { Some(Refused::Failed) } else { last.gap };
        match gap {
            Some(why) => journal.begin_anew(name, (why, &last.checkpoint), &*self.store, &self.metrics),
            None => journal.pack(name, &last.checkpoint, &self.metrics),
        }
        // Without the state of this tick, nothing of this tick is of use.
        if !journal.is_failing {
            last.notes.iter().for_each(|note| journal.pack(name, note, &self.metrics));
        }
        journal.write(name, &self.metrics);
        journal.sync(name);
        !journal.is_failing
    }
}

impl OpenJournal {
    /// Makes the file, or finds the one to go on with, unless it is there.
    fn open(&mut self, name: JournalName, store: &dyn JournalStore) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let packer = match self.packer.take() {
            Some(packer) => packer,
            None => Packer::new()?,
        };
        let packer = self.packer.insert(packer);
        if self.written.bytes > 0 {
            self.file = Some(store.reopen(name, self.written.bytes)?);
            return Ok(());
        }
        self.file = Some(store.create(name)?);
        self.packed.clear();
        packer.pack(&self.header, &mut self.packed)
    }

    /// Says what is missing, and packs a checkpoint to go on from.
    fn begin_anew(
        &mut self,
        name: JournalName,
        (why, checkpoint): (Refused, &Piece),
        store: &dyn JournalStore,
        metrics: &Metrics,
    ) {
        if let Err(error) = self.open(name, store) {
            self.fail(name, &error, metrics);
            return;
        }
        self.is_failing = false;
        self.note_lost(name, why, checkpoint.tick, metrics);
        self.pack(name, checkpoint, metrics);
    }

    /// Says what is missing between the file's last tick and this one, if anything is.
    fn note_lost(&mut self, name: JournalName, why: Refused, to: Tick, metrics: &Metrics) {
        let Some(packer) = &self.packer else { return };
        let from = packer.place().tick().next();
        if from > to {
            return;
        }
        self.lost = u64::from(to.since(from)) + 1;
        let note = Note::Lost { from: from.0, to: to.0, why: why.to_string() };
        self.pack(name, &Piece::note(&note, to), metrics);
    }

    /// The room ended. A disk that is well again by now hears of it even when the room never began anew: a journal without an end is
    /// of a room that still runs, and would be brought back.
    fn end(
        &mut self,
        name: JournalName,
        (tick, reason, notes): (Tick, &str, &[Piece]),
        store: &dyn JournalStore,
        metrics: &Metrics,
    ) {
        let why = if self.is_failing { Refused::Failed } else { Refused::Slow };
        if self.is_failing {
            if let Err(error) = self.open(name, store) {
                self.fail(name, &error, metrics);
                return;
            }
            self.is_failing = false;
        }
        // A room that ends in a gap has told nobody yet what is missing.
        self.note_lost(name, why, tick, metrics);
        notes.iter().for_each(|note| self.pack(name, note, metrics));
        if let Some(packer) = &mut self.packer {
            packer.end(reason, tick, &mut self.packed);
        }
    }

    fn pack(&mut self, name: JournalName, piece: &Piece, metrics: &Metrics) {
        let Some(packer) = &mut self.packer else { return };
        if let Err(error) = packer.pack(piece, &mut self.packed) {
            self.fail(name, &error, metrics);
        }
    }

    fn write(&mut self, name: JournalName, metrics: &Metrics) {
        let (Some(file), Some(packer)) = (&mut self.file, &self.packer) else { return };
        if self.packed.is_empty() {
            return;
        }
        match file.append(&self.packed) {
            Ok(()) => {
                metrics.journals.bytes.inc_by(self.packed.len() as u64);
                metrics.journals.ticks_lost.inc_by(std::mem::take(&mut self.lost));
                self.written = packer.place();
                self.packed.clear();
            }
            Err(error) => self.fail(name, &error, metrics),
        }
    }

    /// Nothing is taken any more until the room begins anew; what is in the file behind its last good block is cut off.
    fn fail(&mut self, name: JournalName, error: &io::Error, metrics: &Metrics) {
        metrics.journals.write_errors.inc();
        self.is_failing = true;
        self.standing.fail(self.beginning);
        self.packed.clear();
        self.lost = 0;
        if let Some(packer) = &mut self.packer {
            packer.go_back(self.written);
        }
        // A file that cannot even be cut is opened anew when the room begins anew, and cut then; a crash before that leaves a torn
        // tail, which readers know.
        if self.file.as_mut().is_some_and(|file| file.cut(self.written.bytes).is_err()) {
            self.file = None;
        }
        if self.written.bytes == 0 {
            self.file = None;
        }
        if !std::mem::replace(&mut self.is_told, true) {
            error!(journal = %name, %error, "the journal cannot be written; play goes on without it until it can");
        }
    }

    fn sync(&mut self, name: JournalName) {
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.sync()) {
            error!(journal = %name, %error, "the journal may not outlive the machine");
        }
    }
}
