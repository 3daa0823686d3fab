//! `crowd`, the second game that ships with Quarrel: thousands of walkers on one large plain, where each player sees the 64 nearest.
//! It shows that the [`Game`] trait does not depend on Arena, and it is a load for measurements, because every walker moves in every
//! tick.

mod stroll;
mod walker;

use serde::{Deserialize, Serialize};

pub use self::walker::{Steering, Walker};
use self::{stroll::Stroll, walker::PLAIN};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{
        Angle, Audience, Brain, Entities, Entity, Game, GameMetric, GameRng, Occupant, Outcome, Point,
        Predict, PredictedEntities, RoomDefaults, Setup, Step, Viewpoint,
    },
    id::{EntityId, SeatId},
    limits::MAX_ROOM_SEATS,
    tick::TickRate,
};

/// The maximum number of walkers in a view, which are the nearest ones.
const VISIBLE: u16 = 64;

/// The mean time between two stumbles of a walker, in seconds. A stumble changes its health, so that a value that cannot be extrapolated
/// changes now and then.
const SECONDS_PER_STUMBLE: u32 = 20;

/// The state of a crowd room: the plain's walkers, one per occupied seat.
#[derive(Debug)]
pub struct Crowd {
    walkers: Entities<Walker>,
    /// The walker of each seat; `None` for an empty seat.
    seats: Vec<Option<EntityId>>,
    rng: GameRng,
    rate: TickRate,
}

/// The settings of a crowd room: an empty struct, because a crowd room has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrowdSettings {}

/// An event: a walker stumbled, which took some of its health, or restored it when too little was left. Sent only to the walker's seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stumbled {
    /// The walker's health after the stumble, 0 to 100.
    pub health: u8,
}

impl Bits for Stumbled {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(u32::from(self.health), 8);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { health: from.read_bits(8)? as u8 })
    }
}

impl Game for Crowd {
    const NAME: &'static str = "crowd";
    const REVISION: u32 = 1;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ROOM: RoomDefaults = RoomDefaults { seats: 1000, bots: 0, max_seats: MAX_ROOM_SEATS };
    const SKILLS: &'static [&'static str] = &["stroll"];

    type Settings = CrowdSettings;
    type Input = Steering;
    type Entity = Walker;
    type Event = Stumbled;

    fn new(setup: &Setup<CrowdSettings>) -> Self {
        Self {
            walkers: Entities::new(),
            seats: vec![None; usize::from(setup.seats)],
            rng: GameRng::new(setup.seed, 0),
            rate: setup.tick_rate,
        }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        let at = Point::new(self.rng.below(PLAIN as u32) as i32, self.rng.below(PLAIN as u32) as i32);
        let heading = Angle(self.rng.next_u32() as u16);
        self.seats[seat.index()] = self.walkers.insert(Walker::new(seat, at, heading, self.rate)).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        if let Some(walker) = self.seats[seat.index()].take() {
            self.walkers.remove(walker);
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        let ticks_per_stumble = SECONDS_PER_STUMBLE * u32::from(self.rate.hz());
        for (_, walker) in self.walkers.iter_mut() {
            if let Some(steering) = step.inputs.of(walker.seat) {
                walker.steer(steering);
            }
            walker.walk();
            if self.rng.chance(1, ticks_per_stumble) {
                walker.stumble();
                step.events.push(Audience::Only(walker.seat), Stumbled { health: walker.health });
            }
        }
    }

    fn entities(&self) -> &Entities<Walker> {
        &self.walkers
    }

    fn view(&self, seat: SeatId) -> Viewpoint {
        let walker = self.seats.get(seat.index()).copied().flatten().and_then(|id| self.walkers.get(id));
        let eye = walker.map_or_else(Point::default, |walker| walker.at);
        Viewpoint { eye, range: u32::MAX, max_entities: VISIBLE, hidden: Vec::new(), focus: Vec::new() }
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn save(&self, out: &mut BitWriter) {
        self.walkers.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
        self.rng.encode(out);
    }

    fn load(setup: &Setup<CrowdSettings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let walkers = Entities::load(from, Walker::decode)?;
        let seats = (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?;
        Ok(Self { walkers, seats, rng: GameRng::decode(from)?, rate: setup.tick_rate })
    }

    fn coast(last: &Steering) -> Steering {
        *last
    }

    fn brain(skill: &str, seed: u64) -> Option<Box<dyn Brain<Self>>> {
        Self::SKILLS.contains(&skill).then(|| Box::new(Stroll::new(seed)) as _)
    }

    fn metric(_event: &Stumbled, _seat: SeatId) -> Option<GameMetric> {
        None
    }
}

impl Predict for Crowd {
    type Scene = ();

    fn is_predicted(walker: &Walker, seat: SeatId) -> bool {
        walker.seat == seat
    }

    fn predict(own: &mut PredictedEntities<Walker>, input: &Steering, _scene: &(), _rate: TickRate) {
        for walker in own.iter_mut() {
            walker.steer(input);
            walker.walk();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        game::{Outbox, checksum},
        journal::{Entries, SeatChange},
        tick::Tick,
    };

    fn setup() -> Setup<CrowdSettings> {
        Setup { settings: CrowdSettings {}, seed: 11, seats: 200, tick_rate: TickRate::default() }
    }

    fn entries(tick: u32) -> Entries<Steering> {
        let mut entries = Entries::idle(200);
        if tick == 1 {
            entries.changes =
                (0..200).map(|seat| SeatChange::Taken(SeatId(seat), Occupant::Player)).collect();
        }
        for (seat, input) in entries.inputs.iter_mut().enumerate() {
            *input = Some(Steering { bend: (seat as i32 - 100 + tick as i32 / 30) as i8 });
        }
        entries
    }

    #[test]
    fn equal_seeds_and_entries_give_equal_states_even_after_save_and_load() {
        let mut first = Crowd::new(&setup());
        let mut second = Crowd::new(&setup());
        let mut scratch = BitWriter::new();
        for tick in 1..300 {
            entries(tick).apply(&mut first, Tick(tick), TickRate::DEFAULT, &mut Outbox::new());
            entries(tick).apply(&mut second, Tick(tick), TickRate::DEFAULT, &mut Outbox::new());
            assert_eq!(checksum(&first, &mut scratch), checksum(&second, &mut scratch), "at tick {tick}");
            if tick % 100 == 0 {
                scratch.clear();
                second.save(&mut scratch);
                second = Crowd::load(&setup(), &mut BitReader::new(scratch.finish())).unwrap();
            }
        }
    }

    #[test]
    fn no_walker_leaves_the_plain() {
        let mut crowd = Crowd::new(&setup());
        for tick in 1..3000 {
            entries(tick).apply(&mut crowd, Tick(tick), TickRate::DEFAULT, &mut Outbox::new());
        }
        for (_, walker) in crowd.entities().iter() {
            assert!((0..PLAIN).contains(&walker.at.x) && (0..PLAIN).contains(&walker.at.y), "{walker:?}");
        }
    }

    /// Steps a room while each seat's client predicts its walker, and compares each prediction with the room.
    #[test]
    fn a_prediction_with_the_right_inputs_equals_the_server_state() {
        let mut compared = 0;
        for hz in [10, 30, 60, 128] {
            let setup = Setup { tick_rate: TickRate::new(hz).unwrap(), ..setup() };
            let mut crowd = Crowd::new(&setup);
            entries(1).apply(&mut crowd, Tick(1), setup.tick_rate, &mut Outbox::new());
            let mut predictions: Vec<PredictedEntities<Walker>> = Vec::new();
            for tick in 2..400 {
                if tick % 20 == 2 {
                    let confirmed = |(id, walker): (EntityId, &Walker)| {
                        let mut own = PredictedEntities::new();
                        own.confirm(id, walker.clone());
                        own
                    };
                    predictions = crowd.entities().iter().map(confirmed).collect();
                }
                let entries = entries(tick);
                let mut events = Outbox::new();
                entries.apply(&mut crowd, Tick(tick), setup.tick_rate, &mut events);
                let events: Vec<_> = events.drain().collect();
                for (prediction, (_, walker)) in predictions.iter_mut().zip(crowd.entities().iter()) {
                    let input = entries.inputs[walker.seat.index()].unwrap();
                    Crowd::predict(prediction, &input, &(), setup.tick_rate);
                    // A stumble is random, so a client cannot predict it.
                    if events.iter().any(|(audience, _)| audience.includes(walker.seat)) {
                        prediction.iter_mut().for_each(|predicted| predicted.health = walker.health);
                    }
                    assert_eq!(prediction.iter().next().unwrap().1, walker, "at tick {tick} and {hz} Hz");
                    compared += 1;
                }
            }
        }
        assert!(compared > 100_000, "{compared} walkers were compared with their predictions");
    }

    #[test]
    fn a_walker_with_coasting_inputs_or_none_keeps_its_bend() {
        let mut crowd = Crowd::new(&setup());
        let mut coasting = Crowd::new(&setup());
        for tick in 1..60 {
            let mut entries = entries(tick.min(30));
            entries.apply(&mut crowd, Tick(tick), TickRate::DEFAULT, &mut Outbox::new());
            if tick > 30 {
                entries.inputs.iter_mut().for_each(|input| *input = input.map(|last| Crowd::coast(&last)));
                entries.inputs[7] = None;
            }
            entries.apply(&mut coasting, Tick(tick), TickRate::DEFAULT, &mut Outbox::new());
        }
        assert!(crowd.entities().iter().eq(coasting.entities().iter()));
    }
}
