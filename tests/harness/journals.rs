//! Journals of rooms with bots: written as a room of a server writes them, without the server.

use quarrel_shared::{
    game::{Brain, Game, Observation, Outbox, Setup},
    id::{PlayerId, SeatId},
    journal::{Annotation, Chunk, Entries, Header, Holder, JournalWriter, Recorder, SeatEntry},
    protocol::{TicketNumber, messages::Name},
    snapshot::{Frame, Interest, SeatFrame, View},
    sub_tick::SubTick,
    tick::Tick,
};

/// The brain of each seat; a seat without one has no input in any tick.
pub type Brains<G> = Vec<Option<Box<dyn Brain<G>>>>;

/// A room that plays and writes its journal.
pub struct RecordedRoom<G: Game> {
    setup: Setup<G::Settings>,
    game: G,
    tick: Tick,
    holders: Vec<Option<Holder>>,
    /// The seat changes of the next tick.
    seat_entries: Vec<SeatEntry>,
    brains: Brains<G>,
    recorder: Recorder<G>,
    writer: JournalWriter,
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
    interest: Interest,
    view: View<G::Entity>,
    events: Outbox<G::Event>,
}

/// The ticks in a block, as of a room that flushes four times a second.
const BLOCK_TICKS: u32 = 7;
/// The ticks in a segment.
const SEGMENT_TICKS: u32 = 300;

/// Records a complete journal of `ticks` ticks, with a player on every seat from the first tick.
///
/// # Panics
/// When the journal writer cannot be created.
#[must_use]
pub fn record_journal<G: Game>(
    setup: Setup<G::Settings>,
    brains: Brains<G>,
    ticks: u32,
    checksum_ticks: u32,
) -> Vec<u8> {
    let mut room = RecordedRoom::open(setup, brains, checksum_ticks);
    room.play(ticks);
    room.end("room_closed")
}

/// Returns a brain for every seat, with the game's skills in turn.
///
/// # Panics
/// When the game has no skills.
#[must_use]
pub fn brains<G: Game>(seats: u16, seed: u64) -> Brains<G> {
    let brain = |seat: u16| {
        let skill = G::SKILLS[usize::from(seat) % G::SKILLS.len()];
        Some(
            G::brain(skill, seed + u64::from(seat))
                .expect("a game must have a brain for each skill it lists"),
        )
    };
    (0..seats).map(brain).collect()
}

impl<G: Game> RecordedRoom<G> {
    /// Opens a room in which a player takes every seat at the first tick.
    ///
    /// # Panics
    /// When the journal writer cannot be created.
    #[must_use]
    pub fn open(setup: Setup<G::Settings>, brains: Brains<G>, checksum_ticks: u32) -> Self {
        let header = Header {
            checksum_ticks,
            room: 1,
            run: 1,
            build: "test".to_owned(),
            opened_unix_ms: 1_800_000_000_000,
            ..Header::of::<G>(&setup).expect("settings are JSON")
        };
        let mut room = Self {
            game: G::new(&setup),
            tick: Tick(0),
            holders: vec![None; usize::from(setup.seats)],
            seat_entries: all_seats_taken(setup.seats),
            brains,
            recorder: Recorder::new(&header),
            writer: JournalWriter::new().expect("memory"),
            bytes: Vec::new(),
            chunks: Vec::new(),
            interest: Interest::new(),
            view: View::default(),
            events: Outbox::new(),
            setup,
        };
        room.write(&Chunk::header(&header));
        room.checkpoint();
        room
    }

    /// Plays `ticks` more ticks and flushes them.
    pub fn play(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.step();
        }
        self.flush();
    }

    /// Writes an annotation after the newest tick.
    pub fn annotate(&mut self, annotation: &Annotation) {
        self.flush();
        self.write(&Chunk::annotation(annotation, self.tick));
    }

    /// Saves the room and resumes it in another run of the server.
    pub fn restart(&mut self) {
        self.checkpoint();
        self.annotate(&Annotation::Saved);
        self.annotate(&Annotation::Resumed { run: 2, build: "test".to_owned(), unix_ms: 1_800_000_900_000 });
        self.checkpoint();
    }

    /// Adds a seat change to the next tick.
    pub fn push_seat_entry(&mut self, entry: SeatEntry) {
        self.seat_entries.push(entry);
    }

    /// The game, for tests that plant a state which its rules do not reach.
    pub const fn game_mut(&mut self) -> &mut G {
        &mut self.game
    }

    /// The journal's bytes, as written until now.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The written chunks, as a room hands them to the storage.
    #[must_use]
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Ends the journal with this reason and returns its bytes.
    #[must_use]
    pub fn end(mut self, reason: &str) -> Vec<u8> {
        self.flush();
        self.writer.end(reason, self.tick, &mut self.bytes);
        self.bytes
    }

    fn step(&mut self) {
        let seat_entries = std::mem::take(&mut self.seat_entries);
        let inputs = self.decide();
        self.tick = self.tick.next();
        seat_entries.iter().for_each(|entry| entry.clone().apply(&mut self.holders));
        let entries = Entries {
            changes: seat_entries.iter().filter_map(SeatEntry::change).collect(),
            inputs,
            // A client draws other entities some ticks behind the tick of its input.
            seen: vec![SubTick::of(self.tick).offset(-52); usize::from(self.setup.seats)],
        };
        self.events.drain().for_each(drop);
        entries.apply(&mut self.game, self.tick, self.setup.tick_rate, &mut self.events);
        self.recorder.tick(self.tick, &seat_entries, &entries, &self.game);
        if self.tick.0.is_multiple_of(SEGMENT_TICKS) {
            self.checkpoint();
        } else if self.tick.0.is_multiple_of(BLOCK_TICKS) {
            self.flush();
        }
    }

    /// Returns the input of each seat's brain, from the seat's view.
    fn decide(&mut self) -> Vec<Option<G::Input>> {
        let Self { game, tick, brains, interest, view, setup, holders, .. } = self;
        let viewer = |seat: usize| {
            let viewpoint = game.view(SeatId(seat as u16));
            holders[seat].is_some().then(|| SeatFrame { viewpoint, ..SeatFrame::default() })
        };
        let seats = (0..usize::from(setup.seats)).map(viewer).collect();
        let frame = Frame::new(*tick, game.entities(), seats);
        let decide = |(seat, brain): (u16, &mut Option<Box<dyn Brain<G>>>)| {
            let brain = brain.as_mut()?;
            let seat = SeatId(seat);
            interest.pick(&frame, seat, view);
            Some(brain.decide(Observation {
                tick: *tick,
                rate: setup.tick_rate,
                seat,
                entities: &view.entities,
            }))
        };
        (0..setup.seats).zip(brains).map(decide).collect()
    }

    fn checkpoint(&mut self) {
        self.flush();
        let chunk = self.recorder.checkpoint(&self.game, self.tick, self.holders.clone());
        self.write(&chunk);
    }

    fn flush(&mut self) {
        if let Some(chunk) = self.recorder.take() {
            self.write(&chunk);
        }
    }

    fn write(&mut self, chunk: &Chunk) {
        self.writer.write(chunk, &mut self.bytes).expect("memory");
        self.chunks.push(chunk.clone());
    }
}

/// The seat entries that put a player on every seat.
fn all_seats_taken(seats: u16) -> Vec<SeatEntry> {
    let holder = |seat: u16| Holder {
        name: Name::lossy(&format!("player {seat}")),
        player: Some((PlayerId(u64::from(seat) + 1), TicketNumber { run: 1, count: 0 })),
    };
    (0..seats).map(|seat| SeatEntry::Taken(SeatId(seat), holder(seat))).collect()
}
