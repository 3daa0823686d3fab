//! Disk faults: while a disk is full, tears writes or stalls, play continues, and the journal notes the ticks that it lacks.

use std::{sync::Arc, time::Duration};

use quarrel_harness::{
    Player, TestServer,
    faulty_store::{Fault, FaultyStore},
    replay_check::{ReplayTotals, ServerEnd, verify},
    until,
};
use quarrel_server::{
    storage::journals::{JournalHandle, JournalName, JournalStore, Journals, OutageReason, start},
    telemetry::Metrics,
};
use quarrel_shared::{
    crowd::{Crowd, CrowdSettings},
    game::{Game, Outbox, Setup},
    journal::{Annotation, Chunk, Entries, Header, Journal, Recorder},
    tick::{Tick, TickRate},
};
use tokio::{task::JoinHandle, time::sleep};

const NAME: JournalName = JournalName { run: 1, room: 1 };

const SEATS: u16 = 2;

/// Longer than any chunk waits to be written.
const WRITTEN: Duration = Duration::from_millis(100);

/// A room of walkers with its journal, and the task that writes it, on tokio's clock.
struct JournaledRoom {
    game: Crowd,
    tick: Tick,
    recorder: Recorder<Crowd>,
    handle: JournalHandle,
    disk: FaultyStore,
    metrics: Arc<Metrics>,
    task: JoinHandle<()>,
}

impl JournaledRoom {
    /// Opens the room on a disk with this fault.
    async fn open(fault: Fault) -> Self {
        let (disk, metrics) = (FaultyStore::default(), Metrics::new());
        disk.set_fault(fault);
        let (journals, task): (Journals, _) = start(Arc::new(disk.clone()), Arc::clone(&metrics));
        let setup = Setup { settings: CrowdSettings {}, seed: 5, seats: SEATS, tick_rate: TickRate::DEFAULT };
        let header = Header { checksum_ticks: 1, ..Header::of::<Crowd>(&setup).expect("settings are JSON") };
        let mut room = Self {
            game: Crowd::new(&setup),
            tick: Tick(0),
            recorder: Recorder::new(&header),
            handle: journals.open(NAME, Chunk::header(&header), None),
            disk,
            metrics,
            task: tokio::spawn(task),
        };
        let checkpoint = room.checkpoint();
        // Refused where the disk is full from the start; the tests observe that later.
        let _ = room.handle.write(checkpoint);
        sleep(WRITTEN).await;
        room
    }

    fn checkpoint(&mut self) -> Chunk {
        self.recorder.checkpoint(&self.game, self.tick, vec![None; usize::from(SEATS)])
    }

    /// Plays this number of ticks, hands them in together and waits until they are written or lost.
    async fn play(&mut self, ticks: u32) -> Result<(), OutageReason> {
        let entries = Entries::idle(SEATS);
        for _ in 0..ticks {
            self.tick = self.tick.next();
            entries.apply(&mut self.game, self.tick, TickRate::DEFAULT, &mut Outbox::new());
            self.recorder.tick(self.tick, &[], &entries, &self.game);
        }
        let taken = self.handle.write(self.recorder.take().expect("ticks"));
        sleep(WRITTEN).await;
        taken
    }

    async fn restart_after_gap(&mut self) {
        let checkpoint = self.checkpoint();
        self.handle.restart_after_gap(OutageReason::Failed, checkpoint).expect("a queue with room in it");
        sleep(WRITTEN).await;
    }

    fn bytes(&self) -> Vec<u8> {
        self.disk.read(NAME).unwrap_or_default()
    }

    /// Ends the journal and replays it. Returns the verified play, the lost spans that the journal notes, and the counts of
    /// write errors and lost ticks.
    async fn end(self) -> (ReplayTotals, Vec<(u32, u32)>, [u64; 2]) {
        self.handle.end(self.tick, "room_closed", Vec::new()).await;
        self.task.await.expect("a task that does not panic");
        let proven = verify::<Crowd>(&self.disk, ServerEnd::Stopped);
        let bytes = self.disk.read(NAME).expect("a journal");
        let counted = &self.metrics.journals;
        (proven, lost(&bytes), [counted.write_errors.get(), counted.ticks_lost.get()])
    }
}

/// The spans of ticks that a journal notes as missing.
fn lost(bytes: &[u8]) -> Vec<(u32, u32)> {
    let journal = Journal::open(bytes).expect("a journal");
    let lost = |note| match note {
        Ok((_, Annotation::Lost { from, to, .. })) => Some((from, to)),
        _ => None,
    };
    journal.annotations().filter_map(lost).collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_loses_the_ticks_of_its_outage_and_the_journal_notes_them() {
    let mut room = JournaledRoom::open(Fault::None).await;
    assert_eq!(room.play(30).await, Ok(()));
    let good = room.bytes();
    room.disk.set_fault(Fault::Full);
    assert_eq!(room.play(10).await, Ok(()), "a fault may show with the next write only");
    assert_eq!(room.play(10).await, Err(OutageReason::Failed), "the room must learn of the fault");
    room.restart_after_gap().await;
    assert_eq!(room.play(10).await, Err(OutageReason::Failed), "a failed restart must be reported again");
    assert_eq!(room.bytes(), good, "written bytes must stay");
    room.disk.set_fault(Fault::None);
    room.restart_after_gap().await;
    assert_eq!(room.play(20).await, Ok(()));
    let (proven, lost, counted) = room.end().await;
    assert_eq!((proven.ticks, lost), (50, vec![(31, 60)]));
    assert_eq!(counted[0], 2, "two failed writes must be counted");
    assert!(counted[1] >= 30, "lost ticks must be counted: {}", counted[1]);
}

#[tokio::test(start_paused = true)]
async fn a_torn_append_is_cut_off() {
    let mut room = JournaledRoom::open(Fault::None).await;
    assert_eq!(room.play(30).await, Ok(()));
    let good = room.bytes();
    room.disk.set_fault(Fault::Torn);
    assert_eq!(room.play(30).await, Ok(()));
    assert_eq!(room.bytes(), good, "half a block must not stay");
    room.disk.set_fault(Fault::None);
    room.restart_after_gap().await;
    let (proven, lost, counted) = room.end().await;
    assert_eq!((proven.ticks, lost, counted), (30, vec![(31, 60)], [1, 30]));
}

#[tokio::test(start_paused = true)]
async fn a_torn_block_that_cannot_be_cut_is_cut_when_the_journal_restarts() {
    let mut room = JournaledRoom::open(Fault::None).await;
    assert_eq!(room.play(30).await, Ok(()));
    room.disk.set_fault(Fault::TornUntruncatable);
    assert_eq!(room.play(30).await, Ok(()));
    let bytes = room.bytes();
    let torn = Journal::open(&bytes).expect("a journal with a whole beginning").tail();
    assert!(torn.is_some(), "a reader must see a torn tail");
    room.disk.set_fault(Fault::None);
    room.restart_after_gap().await;
    assert_eq!(room.play(5).await, Ok(()));
    let (proven, lost, _) = room.end().await;
    assert_eq!((proven.ticks, lost), (35, vec![(31, 60)]));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_could_not_be_created_starts_after_the_fault() {
    let mut room = JournaledRoom::open(Fault::Full).await;
    assert_eq!(room.play(10).await, Err(OutageReason::Failed));
    assert!(room.bytes().is_empty(), "the journal must be empty");
    room.disk.set_fault(Fault::None);
    room.restart_after_gap().await;
    assert_eq!(room.play(10).await, Ok(()));
    let (proven, lost, _) = room.end().await;
    assert_eq!(
        (proven.ticks, lost),
        (10, vec![(1, 10)]),
        "the journal must note the missing start of the room"
    );
}

#[tokio::test(start_paused = true)]
async fn a_room_that_ends_after_the_fault_has_an_end_in_its_journal() {
    let mut room = JournaledRoom::open(Fault::None).await;
    room.disk.set_fault(Fault::Full);
    assert_eq!(room.play(10).await, Ok(()));
    room.disk.set_fault(Fault::None);
    let (proven, lost, counted) = room.end().await;
    assert_eq!((proven.rooms, proven.ticks), (1, 0), "the journal must count as ended");
    assert_eq!((lost, counted), (vec![(1, 10)], [1, 10]));
}

/// Waits until the journal of the only room notes this number of lost spans and continues after them.
async fn continues_after(disk: &FaultyStore, outages: usize) {
    until("a journal that continues after its gap", || {
        let bytes = disk.read(NAME).unwrap_or_default();
        Journal::open(&bytes).is_ok() && lost(&bytes).len() == outages
    })
    .await;
}

#[tokio::test]
async fn play_continues_while_the_disk_is_full_tears_writes_or_stalls() {
    let disk = FaultyStore::default();
    let server = TestServer::<Crowd>::start_with_disk(&[], &disk);
    let errors = "quarrel_journal_write_errors_total";
    let (mut ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    assert_eq!(joined.room.0, NAME.room);
    for (outages, fault) in (1..).zip([Fault::Full, Fault::Torn]) {
        let before = server.metric(errors);
        disk.set_fault(fault);
        until("a failed write", || server.metric(errors) > before).await;
        ada.wait_for_ticks(15).await;
        disk.set_fault(Fault::None);
        continues_after(&disk, outages).await;
    }
    disk.set_fault(Fault::Stalled);
    until("storage that waits for the disk", || disk.is_blocking()).await;
    ada.wait_for_ticks(60).await;
    assert!(disk.is_blocking(), "only the storage may wait for a stalled disk");
    disk.set_fault(Fault::None);
    ada.wait_for_ticks(15).await;
    assert!(server.metric("quarrel_journal_ticks_lost_total") > 0.0, "lost ticks must show in the metrics");
    drop(ada);
    assert!(server.shutdown().await, "a server must stop in time");
    let bytes = disk.read(NAME).expect("the journal");
    assert_eq!(lost(&bytes).len(), 2, "a disk that stalled for two seconds must lose nothing");
}
