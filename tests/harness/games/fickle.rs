//! A game that is deterministic until a tick of the test's choice, and then reads a counter outside of its state.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{
        Audience, Brain, Entities, Entity, Game, Observation, Occupant, Outcome, Place, Predict,
        RoomDefaults, Setup, Step, Viewpoint,
    },
    id::{EntityId, SeatId},
    journal::Journal,
    tick::Tick,
};
use serde::{Deserialize, Serialize};

/// A game with one [`Needle`] for each seat, and one without a seat that always exists: the first entity.
#[derive(Debug)]
pub struct Fickle {
    settings: FickleSettings,
    needles: Entities<Needle>,
    seats: Vec<Option<EntityId>>,
    /// State that is saved but not replicated.
    hidden: u32,
    tick: u32,
}

/// The planted flaw.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FickleSettings {
    /// The first tick with the flaw; 0 for no flaw.
    pub from: u32,
    /// The kind of flaw.
    pub flaw: Flaw,
}

/// A kind of flaw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flaw {
    /// The counter is stored in `Needle.reading.counter` of the first needle.
    #[default]
    Field,
    /// The counter is stored in state that is saved but not replicated.
    Hidden,
    /// The counter is emitted in an event.
    Event,
    /// The saved state is incomplete.
    Save,
    /// Loading the saved state fails.
    Load,
    /// Saving the state panics; with `from` 0, before the first tick.
    Panic,
}

/// An entity that all seats see.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Needle {
    /// The seat that owns it; `None` for the first needle.
    pub seat: Option<SeatId>,
    /// The replicated values.
    pub reading: Reading,
}

/// The values of a needle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    /// The sum of the seat's pushes; the needle without a seat counts ticks.
    pub swing: u32,
    /// The counter's value; 0 while the game does not read it.
    pub counter: u32,
}

/// The input of a seat: the amount added to its needle in one tick, 0 to 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Push(pub u8);

/// An event every 32 ticks with the number of the tick; with [`Flaw::Event`], in every tick with the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tock(pub u32);

/// The ticks between two events of a game without a flaw.
const EVENT_PERIOD_TICKS: u32 = 32;

/// The counter outside of the game's state, incremented by every read in this process. It starts at the nanoseconds of the clock,
/// so that it differs between processes too.
static COUNTER: LazyLock<AtomicU32> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock later than 1970");
    AtomicU32::new(now.subsec_nanos())
});

impl Fickle {
    /// Whether this flaw is active at the newest tick.
    fn has(&self, flaw: Flaw) -> bool {
        let FickleSettings { from, flaw: planted } = self.settings;
        flaw == planted && from > 0 && self.tick >= from
    }
}

/// Returns the first tick at which a journal of this game differs from its replay, and the tick of the first checksum that must
/// show it; `None` when the journal does not differ.
pub(crate) fn planted(journal: &Journal<'_>) -> Option<(Tick, Tick)> {
    let header = journal.header();
    let FickleSettings { from, flaw } = header.setup::<Fickle>().ok()?.settings;
    if from == 0 || !matches!(flaw, Flaw::Field | Flaw::Hidden) {
        return None;
    }
    let tick = (header.checksum_ticks > 0).then(|| Tick(from.next_multiple_of(header.checksum_ticks)));
    let checkpoint = journal.checkpoints().find(|tick| tick.0 >= from);
    // Without a checksum or a checkpoint, nothing shows the difference.
    Some((Tick(from), tick.into_iter().chain(checkpoint).min().unwrap_or(Tick(u32::MAX))))
}

/// Reads the counter, which makes the game nondeterministic.
fn read_counter() -> u32 {
    COUNTER.fetch_add(1, Relaxed)
}

impl Game for Fickle {
    const NAME: &'static str = "fickle";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: 4, bots: 0, max_seats: 4 };
    const SKILLS: &'static [&'static str] = &["strong"];

    type Settings = FickleSettings;
    type Input = Push;
    type Entity = Needle;
    type Event = Tock;

    fn new(setup: &Setup<FickleSettings>) -> Self {
        let mut needles = Entities::new();
        needles
            .insert(Needle { seat: None, reading: Reading::default() })
            .expect("an empty list must have room");
        let seats = vec![None; usize::from(setup.seats)];
        Self { settings: setup.settings, needles, seats, hidden: 0, tick: 0 }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        let needle = Needle { seat: Some(seat), reading: Reading::default() };
        self.seats[seat.index()] = self.needles.insert(needle).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        if let Some(needle) = self.seats[seat.index()].take() {
            self.needles.remove(needle);
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        self.tick = step.tick.0;
        let counter = self.has(Flaw::Field).then(read_counter);
        for (_, needle) in self.needles.iter_mut() {
            let push = |seat| step.inputs.of(seat).map_or(0, |push| u32::from(push.0));
            needle.reading.swing = needle.reading.swing.wrapping_add(needle.seat.map_or(1, push));
            if needle.seat.is_none() {
                needle.reading.counter = counter.unwrap_or_default();
            }
        }
        self.hidden = if self.has(Flaw::Hidden) { read_counter() } else { self.tick };
        if self.has(Flaw::Event) {
            step.events.push(Audience::All, Tock(read_counter()));
        } else if self.tick.is_multiple_of(EVENT_PERIOD_TICKS) {
            step.events.push(Audience::All, Tock(self.tick));
        }
    }

    fn entities(&self) -> &Entities<Needle> {
        &self.needles
    }

    fn view(&self, _seat: SeatId) -> Viewpoint {
        Viewpoint::default()
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn brain(skill: &str, _seed: u64) -> Option<Box<dyn Brain<Self>>> {
        (skill == "strong").then(|| Box::new(Strong) as _)
    }

    fn save(&self, out: &mut BitWriter) {
        let FickleSettings { from, flaw } = self.settings;
        assert!(flaw != Flaw::Panic || self.tick < from, "injected panic: the state cannot be saved");
        out.write_bits(self.tick, 32);
        self.needles.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
        if !self.has(Flaw::Save) {
            out.write_bits(self.hidden, 32);
        }
    }

    fn load(setup: &Setup<FickleSettings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let mut loaded = Self { tick: from.read_bits(32)?, ..Self::new(setup) };
        loaded.needles = Entities::load(from, Needle::decode)?;
        loaded.seats = (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?;
        if loaded.has(Flaw::Load) {
            return Err(BitsError::OutOfRange);
        }
        if loaded.has(Flaw::Save) {
            // The value that was not saved is lost.
            loaded.needles.iter_mut().for_each(|(_, needle)| needle.reading.swing = 0);
            return Ok(loaded);
        }
        loaded.hidden = from.read_bits(32)?;
        Ok(loaded)
    }
}

/// A bot that pushes harder than an input can be encoded.
struct Strong;

impl Brain<Fickle> for Strong {
    fn decide(&mut self, _seen: Observation<'_, Fickle>) -> Push {
        Push(200)
    }
}

impl Predict for Fickle {
    type Scene = ();
}

impl Entity for Needle {
    fn place(&self) -> Place {
        Place::Everywhere
    }

    fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        out.write_bits(self.reading.swing, 32);
        out.write_bits(self.reading.counter, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let seat = Option::decode(from)?;
        Ok(Self { seat, reading: Reading { swing: from.read_bits(32)?, counter: from.read_bits(32)? } })
    }
}

impl Bits for Push {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(u32::from(self.0.min(15)), 4);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self(from.read_bits(4)? as u8))
    }
}

impl Bits for Tock {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.0, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self(from.read_bits(32)?))
    }
}
