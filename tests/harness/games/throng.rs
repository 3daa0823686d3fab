//! A game with 400 entities that change in every tick: more updates than a datagram holds.

use std::time::Duration;

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{
        Entities, Entity, Game, Occupant, Outcome, Place, Point, Predict, RoomDefaults, Setup, Step,
        Viewpoint,
    },
    id::{EntityId, SeatId},
    limits::MAX_ROOM_SEATS,
};
use serde::{Deserialize, Serialize};

/// The number of shared entities; every seat sees all of them and its own.
pub const DANCERS: u16 = 400;

/// A game that exceeds the snapshot budget, and can be slow or fail at a chosen tick.
#[derive(Debug)]
pub struct Throng {
    settings: ThrongSettings,
    dancers: Entities<Dancer>,
    seats: Vec<Option<EntityId>>,
}

/// The faults of the game.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ThrongSettings {
    /// The time to create the world, in milliseconds.
    pub opening_ms: u64,
    /// The period of slow ticks, in ticks; 0 for none.
    pub slow_every: u32,
    /// The duration of a slow tick, in milliseconds.
    pub slow_ms: u64,
    /// The tick at which the game panics; 0 for never.
    pub breaks_at: u32,
}

/// An entity that stores its tick. The default extrapolation does not predict the tick, so the entity always needs an update.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dancer {
    /// The seat that owns it; `None` for a shared entity.
    pub seat: Option<SeatId>,
    /// The position.
    pub at: Point,
    /// The tick of the last step.
    pub tick: u32,
}

/// The only input and the only event, encoded in zero bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Nod;

impl Bits for Nod {
    fn encode(&self, _out: &mut BitWriter) {}

    fn decode(_from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self)
    }
}

impl Entity for Dancer {
    fn place(&self) -> Place {
        self.seat.map_or(Place::At(self.at), Place::Only)
    }

    fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        out.write_signed(self.at.x, 8);
        out.write_signed(self.at.y, 8);
        out.write_bits(self.tick, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            seat: Option::decode(from)?,
            at: Point::new(from.read_signed(8)?, from.read_signed(8)?),
            tick: from.read_bits(32)?,
        })
    }

    fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        // Four bytes, more than needed, because the game must exceed the budget.
        out.write_bits(self.tick ^ expected.tick, 32);
    }

    fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { tick: expected.tick ^ from.read_bits(32)?, ..expected.clone() })
    }
}

impl Predict for Throng {
    type Scene = ();
}

impl Game for Throng {
    const NAME: &'static str = "throng";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: 4, bots: 0, max_seats: MAX_ROOM_SEATS };

    type Settings = ThrongSettings;
    type Input = Nod;
    type Entity = Dancer;
    type Event = Nod;

    fn new(setup: &Setup<ThrongSettings>) -> Self {
        std::thread::sleep(Duration::from_millis(setup.settings.opening_ms));
        let mut dancers = Entities::new();
        for n in 0..i32::from(DANCERS) {
            let at = Point::new(n % 20 * 256, n / 20 * 256);
            dancers.insert(Dancer { seat: None, at, tick: 0 }).expect("the entities must fit");
        }
        Self { settings: setup.settings.clone(), dancers, seats: vec![None; usize::from(setup.seats)] }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        let body = Dancer { seat: Some(seat), at: Point::default(), tick: 0 };
        self.seats[seat.index()] = self.dancers.insert(body).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        if let Some(body) = self.seats[seat.index()].take() {
            self.dancers.remove(body);
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        let ThrongSettings { slow_every, slow_ms, breaks_at, .. } = self.settings;
        assert!(breaks_at == 0 || step.tick.0 < breaks_at, "injected panic at tick {}", step.tick.0);
        if slow_every > 0 && step.tick.0.is_multiple_of(slow_every) {
            // A game must not block; the load tester must report that it does.
            std::thread::sleep(Duration::from_millis(slow_ms));
        }
        self.dancers.iter_mut().for_each(|(_, dancer)| dancer.tick = step.tick.0);
    }

    fn entities(&self) -> &Entities<Dancer> {
        &self.dancers
    }

    fn view(&self, _seat: SeatId) -> Viewpoint {
        Viewpoint { range: u32::MAX, max_entities: DANCERS, ..Viewpoint::default() }
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn save(&self, out: &mut BitWriter) {
        self.dancers.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
    }

    fn load(setup: &Setup<ThrongSettings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            settings: setup.settings.clone(),
            dancers: Entities::load(from, Dancer::decode)?,
            seats: (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?,
        })
    }
}
