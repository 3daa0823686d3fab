//! A game whose inputs trigger faults: a panic, too many events, a slow step, slow saves, the end of the match.

use std::time::Duration;

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{
        Audience, Entities, Entity, Game, Occupant, Outcome, Place, Predict, RoomDefaults, Setup, Step,
        Viewpoint,
    },
    id::{EntityId, SeatId},
    limits::MAX_EVENT_BYTES,
};
use serde::{Deserialize, Serialize};

/// The events that a seat emits in a tick with the input [`Lever::Shout`].
pub const SHOUTS_PER_TICK: u32 = 8;

/// The duration of a step with the input [`Lever::Slow`].
pub const SLOW_STEP: Duration = Duration::from_millis(250);

/// The duration of a save after the input [`Lever::SlowSaves`].
pub const SLOW_SAVE: Duration = Duration::from_millis(700);

/// A game in which each input is a lever that triggers one effect.
#[derive(Debug)]
pub struct Levers {
    pegs: Entities<Peg>,
    seats: Vec<Option<EntityId>>,
    shouts: u32,
    is_finished: bool,
    saves_slowly: bool,
    seed: u64,
}

/// The settings of [`Levers`]: none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeverSettings {}

/// The input of a seat in one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub enum Lever {
    /// No effect.
    #[default]
    None,
    /// The game panics.
    Panic,
    /// [`SHOUTS_PER_TICK`] events of the maximum size to all seats.
    Shout,
    /// The match ends, won by the seat.
    Finish,
    /// An event to the seat alone whose encoder panics.
    PanicOnEncode,
    /// The step takes [`SLOW_STEP`].
    Slow,
    /// Every later save of the room takes [`SLOW_SAVE`].
    SlowSaves,
}

/// The entity of a seat, visible to all seats.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Peg {
    /// The seat that owns it.
    pub seat: SeatId,
    /// The number of ticks with an input other than [`Lever::None`].
    pub pulls: u32,
}

/// An event, numbered from 0 over the whole room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shout(pub u32);

/// The event whose encoder panics.
const UNENCODABLE: Shout = Shout(u32::MAX);

impl Bits for Lever {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(*self as u32, 3);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(match from.read_bits(3)? {
            0 => Self::None,
            1 => Self::Panic,
            2 => Self::Shout,
            3 => Self::Finish,
            4 => Self::PanicOnEncode,
            5 => Self::Slow,
            _ => Self::SlowSaves,
        })
    }
}

impl Bits for Shout {
    fn encode(&self, out: &mut BitWriter) {
        assert!(*self != UNENCODABLE, "injected panic: an event that cannot be encoded");
        // The number, repeated up to the maximum size of an event.
        (0..MAX_EVENT_BYTES / 4).for_each(|_| out.write_bits(self.0, 32));
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        (0..MAX_EVENT_BYTES / 4).try_fold(Self(0), |_, _| from.read_bits(32).map(Self))
    }
}

impl Entity for Peg {
    fn place(&self) -> Place {
        Place::Everywhere
    }

    fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        out.write_bits(self.pulls, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { seat: SeatId::decode(from)?, pulls: from.read_bits(32)? })
    }
}

/// The client predicts nothing in this game.
impl Predict for Levers {
    type Scene = ();
}

impl Game for Levers {
    const NAME: &'static str = "levers";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: 4, bots: 0, max_seats: 4 };

    type Settings = LeverSettings;
    type Input = Lever;
    type Entity = Peg;
    type Event = Shout;

    fn new(setup: &Setup<LeverSettings>) -> Self {
        let seats = vec![None; usize::from(setup.seats)];
        Self {
            pegs: Entities::new(),
            seats,
            shouts: 0,
            is_finished: false,
            saves_slowly: false,
            seed: setup.seed,
        }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        self.seats[seat.index()] = self.pegs.insert(Peg { seat, pulls: 0 }).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        if let Some(peg) = self.seats[seat.index()].take() {
            self.pegs.remove(peg);
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        for (_, peg) in self.pegs.iter_mut() {
            let lever = step.inputs.of(peg.seat).copied().unwrap_or_default();
            peg.pulls += u32::from(lever != Lever::None);
            match lever {
                Lever::None => {}
                Lever::Panic => panic!("injected panic: seat {} pulled the lever", peg.seat),
                Lever::Shout => {
                    let numbers = self.shouts..self.shouts + SHOUTS_PER_TICK;
                    self.shouts = numbers.end;
                    numbers.for_each(|number| step.events.push(Audience::All, Shout(number)));
                }
                Lever::Finish => self.is_finished = true,
                // Sleep blocks the room's thread as a long computation does, without load on the machine.
                Lever::Slow => std::thread::sleep(SLOW_STEP),
                Lever::SlowSaves => self.saves_slowly = true,
                Lever::PanicOnEncode => step.events.push(Audience::Only(peg.seat), UNENCODABLE),
            }
        }
    }

    fn entities(&self) -> &Entities<Peg> {
        &self.pegs
    }

    fn view(&self, _seat: SeatId) -> Viewpoint {
        Viewpoint::default()
    }

    fn outcome(&self) -> Option<Outcome> {
        let scores: Vec<_> = self.pegs.iter().map(|(_, peg)| (peg.seat, peg.pulls as i32)).collect();
        let winners = scores.iter().filter(|(_, pulls)| *pulls > 0).map(|(seat, _)| *seat).collect();
        self.is_finished.then_some(Outcome { winners, scores, seed: self.seed })
    }

    fn save(&self, out: &mut BitWriter) {
        if self.saves_slowly {
            std::thread::sleep(SLOW_SAVE);
        }
        self.pegs.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
        out.write_bits(self.shouts, 32);
        out.write_bool(self.is_finished);
        out.write_bool(self.saves_slowly);
    }

    fn load(setup: &Setup<LeverSettings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            pegs: Entities::load(from, Peg::decode)?,
            seats: (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?,
            shouts: from.read_bits(32)?,
            is_finished: from.read_bool()?,
            saves_slowly: from.read_bool()?,
            seed: setup.seed,
        })
    }
}
