//! A complete custom game in one file of under 200 lines: tag. The player who is "it" passes it on by touching another.
//!
//! `cargo run --release --example tag -- --listen 127.0.0.1:7777` runs a whole server: rooms, snapshots, metrics, graceful
//! stops.

use std::process::ExitCode;

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{
        Audience, Entities, Entity, Game, GameRng, Occupant, Outcome, Place, Point, RoomDefaults, Setup,
        Step, UNIT, Viewpoint,
    },
    id::{EntityId, SeatId},
};
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    quarrel_server::main::<Tag>()
}

/// The side of the square yard, in 1/256 unit.
const YARD: i32 = 40 * UNIT;

struct Tag {
    runners: Entities<Runner>,
    seats: Vec<Option<EntityId>>,
    rng: GameRng,
    /// Distance that a runner covers in one tick, in 1/256 unit.
    stride: i32,
    reach: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Running speed, in units a second.
    speed: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { speed: 6 }
    }
}

/// Running direction: -1, 0 or 1 along each axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Run(Point);

impl Bits for Run {
    fn encode(&self, out: &mut BitWriter) {
        out.write_signed(self.0.x, 1);
        out.write_signed(self.0.y, 1);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        // A peer's values are clamped, never trusted.
        Ok(Self(Point::new(from.read_signed(1)?.clamp(-1, 1), from.read_signed(1)?.clamp(-1, 1))))
    }
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Runner {
    seat: SeatId,
    at: Point,
    it: bool,
}

impl Entity for Runner {
    fn place(&self) -> Place {
        Place::At(self.at)
    }

    fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        out.write_signed(self.at.x, 14);
        out.write_signed(self.at.y, 14);
        out.write_bool(self.it);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let seat = SeatId::decode(from)?;
        let at = Point::new(from.read_signed(14)?, from.read_signed(14)?);
        Ok(Self { seat, at, it: from.read_bool()? })
    }
}

/// Event: this seat is "it" now.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Tagged(SeatId);

impl Bits for Tagged {
    fn encode(&self, out: &mut BitWriter) {
        self.0.encode(out);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        SeatId::decode(from).map(Self)
    }
}

impl Game for Tag {
    const NAME: &'static str = "tag";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: 8, bots: 0, max_seats: 64 };

    type Settings = Settings;
    type Input = Run;
    type Entity = Runner;
    type Event = Tagged;

    fn new(setup: &Setup<Settings>) -> Self {
        let stride = i32::from(setup.settings.speed) * UNIT / i32::from(setup.tick_rate.hz());
        Self {
            runners: Entities::new(),
            seats: vec![None; usize::from(setup.seats)],
            rng: GameRng::new(setup.seed, 0),
            stride,
            reach: (UNIT as u64).pow(2),
        }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        let at = Point::new(self.rng.between(0, YARD), self.rng.between(0, YARD));
        let it = self.runners.is_empty();
        self.seats[seat.index()] = self.runners.insert(Runner { seat, at, it }).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        let gone = self.seats[seat.index()].take().and_then(|id| self.runners.remove(id));
        if gone.is_some_and(|runner| runner.it)
            && let Some((_, next)) = self.runners.iter_mut().next()
        {
            next.it = true;
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        for (_, runner) in self.runners.iter_mut() {
            let Some(Run(way)) = step.inputs.of(runner.seat) else { continue };
            let to = runner.at + way.scaled(self.stride, 1);
            runner.at = Point::new(to.x.clamp(0, YARD), to.y.clamp(0, YARD));
        }
        let Some((it, from)) = self.runners.iter().find(|(_, r)| r.it).map(|(id, r)| (id, r.at)) else {
            return;
        };
        let touched =
            self.runners.iter().find(|(id, r)| *id != it && r.at.distance_squared(from) < self.reach);
        if let Some((next, seat)) = touched.map(|(id, runner)| (id, runner.seat)) {
            for (id, runner) in self.runners.iter_mut() {
                runner.it = id == next;
            }
            step.events.push(Audience::All, Tagged(seat));
        }
    }

    fn entities(&self) -> &Entities<Runner> {
        &self.runners
    }

    fn view(&self, seat: SeatId) -> Viewpoint {
        let own = self.seats[seat.index()].and_then(|id| self.runners.get(id));
        let eye = own.map_or_else(Point::default, |runner| runner.at);
        Viewpoint { eye, range: YARD as u32, max_entities: 64, ..Viewpoint::default() }
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn save(&self, out: &mut BitWriter) {
        self.runners.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
        self.rng.encode(out);
    }

    fn load(setup: &Setup<Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let runners = Entities::load(from, Runner::decode)?;
        let seats = (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?;
        Ok(Self { runners, seats, rng: GameRng::decode(from)?, ..Self::new(setup) })
    }
}
