//! Journals of rooms in which bots play: made as a room makes them, without a server around it.

use quarrel_shared::{
    game::{Brain, Game, Observation, Outbox, Setup},
    id::{PlayerId, SeatId},
    journal::{Annotation, Chunk, Entries, Header, Holder, JournalWriter, Recorder, SeatEntry},
    protocol::{TicketNumber, messages::Name},
    snapshot::{Frame, Interest, SeatFrame, View},
    sub_tick::SubTick,
    tick::Tick,
};

/// Brains that decide what the seats want, one a seat; a seat without one wants nothing all the time.
pub type Brains<G> = Vec<Option<Box<dyn Brain<G>>>>;

/// A room that writes its journal.
pub struct RecordedRoom<G: Game> {
    setup: Setup<G::Settings>,
    game: G,
    tick: Tick,
    holders: Vec<Option<Holder>>,
    changes: Vec<SeatEntry>,
    brains: Brains<G>,
    recorder: Recorder<G>,
    writer: JournalWriter,
    bytes: Vec<u8>,
    pieces: Vec<Chunk>,
    interest: Interest,
    view: View<G::Entity>,
    events: Outbox<G::Event>,
}

/// How many ticks there are in a block, as a room that flushes four times a second writes them; and in a segment.
const BLOCK_TICKS: u32 = 7;
const SEGMENT_TICKS: u32 = 300;

/// A whole journal of so many ticks, in which a player sits on each seat from the first tick on.
///
/// # Panics
/// When there is no memory to write it.
#[must_use]
pub fn recorded<G: Game>(
    setup: Setup<G::Settings>,
    brains: Brains<G>,
    ticks: u32,
    checksum_ticks: u32,
) -> Vec<u8> {
    let mut room = RecordedRoom::open(setup, brains, checksum_ticks);
    room.play(ticks);
    room.end("room_closed")
}

/// Brains of the game's own skills for every seat.
///
/// # Panics
/// When the game has none.
#[must_use]
pub fn brains<G: Game>(seats: u16, seed: u64) -> Brains<G> {
    let brain = |seat: u16| {
        let skill = G::SKILLS[usize::from(seat) % G::SKILLS.len()];
        Some(G::brain(skill, seed + u64::from(seat)).expect("a game has the skills that it names"))
    };
    (0..seats).map(brain).collect()
}

impl<G: Game> RecordedRoom<G> {
    /// A room in which everybody sits down at the first tick.
    ///
    /// # Panics
    /// When there is no memory to write it.
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
            changes: everybody(setup.seats),
            brains,
            recorder: Recorder::new(&header),
            writer: JournalWriter::new().expect("memory"),
            bytes: Vec::new(),
            pieces: Vec::new(),
            interest: Interest::new(),
            view: View::default(),
            events: Outbox::new(),
            setup,
        };
        room.write(&Chunk::header(&header));
        room.checkpoint();
        room
    }

    /// Plays on for so many ticks.
    pub fn play(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.step();
        }
        self.flush();
    }

    /// Writes a note after the tick that was played last.
    pub fn note(&mut self, note: &Annotation) {
        self.flush();
        self.write(&Chunk::annotation(note, self.tick));
    }

    /// The room is saved, and goes on in another run of the server.
    pub fn restart(&mut self) {
        self.checkpoint();
        self.note(&Annotation::Saved);
        self.note(&Annotation::Resumed { run: 2, build: "test".to_owned(), unix_ms: 1_800_000_900_000 });
        self.checkpoint();
    }

    /// In the next tick somebody comes or goes.
    pub fn change(&mut self, note: SeatEntry) {
        self.changes.push(note);
    }

    /// The game, to plant what no rule of it would do.
    pub const fn game_mut(&mut self) -> &mut G {
        &mut self.game
    }

    /// What is written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as what the storage was handed.
    #[must_use]
    pub fn pieces(&self) -> &[Chunk] {
        &self.pieces
    }

    /// Ends the journal for this reason.
    #[must_use]
    pub fn end(mut self, reason: &str) -> Vec<u8> {
        self.flush();
        self.writer.end(reason, self.tick, &mut self.bytes);
        self.bytes
    }

    fn step(&mut self) {
        let notes = std::mem::take(&mut self.changes);
        let inputs = self.decide();
        self.tick = self.tick.next();
        notes.iter().for_each(|note| note.clone().apply(&mut self.holders));
        let entries = Entries {
            changes: notes.iter().filter_map(SeatEntry::change).collect(),
            inputs,
            // What a client draws lies some ticks behind what it plays.
            seen: vec![SubTick::of(self.tick).offset(-52); usize::from(self.setup.seats)],
        };
        self.events.drain().for_each(drop);
        entries.apply(&mut self.game, self.tick, self.setup.tick_rate, &mut self.events);
        self.recorder.tick(self.tick, &notes, &entries, &self.game);
        if self.tick.0.is_multiple_of(SEGMENT_TICKS) {
            self.checkpoint();
        } else if self.tick.0.is_multiple_of(BLOCK_TICKS) {
            self.flush();
        }
    }

    /// What each brain wants of what its seat sees.
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
        let piece = self.recorder.checkpoint(&self.game, self.tick, self.holders.clone());
        self.write(&piece);
    }

    fn flush(&mut self) {
        if let Some(piece) = self.recorder.take() {
            self.write(&piece);
        }
    }

    fn write(&mut self, piece: &Chunk) {
        self.writer.write(piece, &mut self.bytes).expect("memory");
        self.pieces.push(piece.clone());
    }
}

/// A player for each seat.
fn everybody(seats: u16) -> Vec<SeatEntry> {
    let holder = |seat: u16| Holder {
        name: Name::lossy(&format!("player {seat}")),
        player: Some((PlayerId(u64::from(seat) + 1), TicketNumber { run: 1, count: 0 })),
    };
    (0..seats).map(|seat| SeatEntry::Taken(SeatId(seat), holder(seat))).collect()
}
