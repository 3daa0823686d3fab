//! A test game: each seat turns a hand on a dial. It can be made to depend on something outside of its state.

use std::cell::Cell;

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{
        Entities, Entity, Game, Occupant, Outbox, Outcome, Place, Point, RoomDefaults, Setup, Step, Viewpoint,
    },
    id::SeatId,
    journal::{Annotation, Chunk, Entries, Header, Holder, JournalWriter, Recorder, SeatEntry},
    protocol::messages::Name,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

pub(super) const SEATS: u16 = 3;

/// The ticks at which the game reads a counter outside of its state, or a field that is not saved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) counter_at: Option<u32>,
    pub(super) unsaved_at: Option<u32>,
}

/// A guard that ends the faults of this thread's games when it is dropped.
pub(super) struct FaultGuard;

impl Faults {
    /// Makes this thread's games have these faults until the guard is dropped.
    pub(super) fn activate(self) -> FaultGuard {
        FAULTS.set(self);
        FaultGuard
    }
}

impl Drop for FaultGuard {
    fn drop(&mut self) {
        FAULTS.set(Faults::default());
    }
}

thread_local! {
    static FAULTS: Cell<Faults> = const { Cell::new(Faults { counter_at: None, unsaved_at: None }) };
    static COUNTER: Cell<i32> = const { Cell::new(0) };
}

#[derive(Debug)]
pub(super) struct Dial {
    hands: Entities<Hand>,
    /// A field that is never saved.
    unsaved: i32,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(super) struct Hand {
    pub(super) at: i32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Turn(pub(super) i32);

impl Bits for Turn {
    fn encode(&self, out: &mut BitWriter) {
        out.write_signed(self.0, 2);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        from.read_signed(2).map(Self)
    }
}

impl Entity for Hand {
    fn place(&self) -> Place {
        Place::At(Point::new(self.at, 0))
    }

    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.at as u32, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { at: from.read_bits(32)? as i32 })
    }
}

impl Dial {
    pub(super) fn hand(&mut self, seat: usize) -> &mut Hand {
        self.hands.iter_mut().nth(seat).expect("every seat has a hand").1
    }
}

impl Game for Dial {
    const NAME: &'static str = "dial";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: SEATS, bots: 0, max_seats: SEATS };

    type Settings = ();
    type Input = Turn;
    type Entity = Hand;
    type Event = Turn;

    fn new(setup: &Setup<()>) -> Self {
        let mut hands = Entities::new();
        for seat in 0..setup.seats {
            hands.insert(Hand { at: seat.into() }).expect("room for a hand per seat");
        }
        Self { hands, unsaved: 0 }
    }

    fn seat_taken(&mut self, _: SeatId, _: Occupant) {}

    fn seat_left(&mut self, _: SeatId) {}

    fn step(&mut self, step: Step<'_, Self>) {
        self.unsaved += 1;
        COUNTER.set(COUNTER.get() + 1);
        for (seat, (_, hand)) in (0..).map(SeatId).zip(self.hands.iter_mut()) {
            hand.at += step.inputs.of(seat).map_or(0, |turn| turn.0);
        }
        let faults = FAULTS.get();
        if faults.counter_at == Some(step.tick.0) {
            self.hand(1).at += COUNTER.get();
        }
        if faults.unsaved_at == Some(step.tick.0) {
            self.hand(2).at += self.unsaved;
        }
    }

    fn entities(&self) -> &Entities<Hand> {
        &self.hands
    }

    fn view(&self, _: SeatId) -> Viewpoint {
        Viewpoint::default()
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn save(&self, out: &mut BitWriter) {
        self.hands.save(out, Entity::encode);
    }

    fn load(_: &Setup<()>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { hands: Entities::load(from, Hand::decode)?, unsaved: 0 })
    }
}

/// The content of a test journal.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) ticks: u32,
    pub(super) checksum_ticks: u32,
    /// Seat 2 has another input at this tick.
    pub(super) other_input_at: Option<u32>,
    /// The state is changed outside of the game after this tick.
    pub(super) changed_at: Option<u32>,
    /// These ticks are lost.
    pub(super) lost: Option<(u32, u32)>,
    /// After this tick, which has a checkpoint, the room is saved and continued by another run.
    pub(super) saved_at: Option<u32>,
}

pub(super) const PLAN: Plan = Plan {
    ticks: 200,
    checksum_ticks: 1,
    other_input_at: None,
    changed_at: None,
    lost: None,
    saved_at: None,
};

/// The interval of checkpoints in ticks.
pub(super) const CHECKPOINT_TICKS: u32 = 10;

/// Returns the journal of a room that was played by this plan.
pub(super) fn written(plan: Plan) -> Vec<u8> {
    let setup = Setup { settings: (), seed: 7, seats: SEATS, tick_rate: TickRate::DEFAULT };
    let header = Header { checksum_ticks: plan.checksum_ticks, ..Header::of::<Dial>(&setup).unwrap() };
    let (mut recorder, mut writer) = (Recorder::<Dial>::new(&header), JournalWriter::new().unwrap());
    let (mut game, mut bytes) = (Dial::new(&setup), Vec::new());
    let holders = vec![None; usize::from(SEATS)];
    let all_taken: Vec<_> = (0..SEATS).map(taken).collect();
    writer.write(&Chunk::header(&header), &mut bytes).unwrap();
    writer.write(&recorder.checkpoint(&game, Tick(0), holders.clone()), &mut bytes).unwrap();
    let mut seated = holders;
    for tick in (1..=plan.ticks).map(Tick) {
        let seat_entries = if tick.0 == 1 { &all_taken[..] } else { &[] };
        seat_entries.iter().for_each(|entry| entry.clone().apply(&mut seated));
        let entries = Entries {
            changes: seat_entries.iter().filter_map(SeatEntry::change).collect(),
            inputs: (0..SEATS.into()).map(|seat| Some(turn(&plan, tick, seat))).collect(),
            seen: vec![SubTick::of(tick); usize::from(SEATS)],
        };
        entries.apply(&mut game, tick, TickRate::DEFAULT, &mut Outbox::new());
        if plan.changed_at == Some(tick.0) {
            game.hand(0).at += 1000;
        }
        let is_lost = plan.lost.is_some_and(|(from, to)| (from..=to).contains(&tick.0));
        if !is_lost {
            recorder.tick(tick, seat_entries, &entries, &game);
        }
        let ends = plan.lost.filter(|(_, to)| *to == tick.0);
        if let Some((from, to)) = ends {
            let note = Annotation::Lost { from, to, why: "a full disk".into() };
            writer.write(&Chunk::annotation(&note, tick), &mut bytes).unwrap();
        }
        let is_due = tick.0.is_multiple_of(CHECKPOINT_TICKS) && !is_lost;
        if let Some(chunk) = recorder.take() {
            writer.write(&chunk, &mut bytes).unwrap();
        }
        if is_due || ends.is_some() {
            writer.write(&recorder.checkpoint(&game, tick, seated.clone()), &mut bytes).unwrap();
        }
        if plan.saved_at == Some(tick.0) {
            writer.write(&recorder.checkpoint(&game, tick, seated.clone()), &mut bytes).unwrap();
            let mut saved = BitWriter::new();
            game.save(&mut saved);
            game = Dial::load(&setup, &mut BitReader::new(saved.finish())).unwrap();
        }
        if tick.0 == 33 {
            writer
                .write(&Chunk::annotation(&Annotation::Mark { reason: "look".into() }, tick), &mut bytes)
                .unwrap();
        }
    }
    writer.end("room_closed", Tick(plan.ticks), &mut bytes);
    bytes
}

fn turn(plan: &Plan, tick: Tick, seat: u32) -> Turn {
    let other = i32::from(plan.other_input_at == Some(tick.0) && seat == 2) * 50;
    Turn((tick.0 * (seat + 1) % 7) as i32 - 3 + other)
}

fn taken(seat: u16) -> SeatEntry {
    let name = Name::lossy("bot");
    SeatEntry::Taken(SeatId(seat), Holder { name, player: None })
}
