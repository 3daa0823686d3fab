//! A game in which everybody is shown by which moment the server judged them.

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Entities, Entity, Game, Occupant, Outcome, Place, Predict, RoomDefaults, Setup, Step, Viewpoint},
    id::{EntityId, SeatId},
};
use serde::{Deserialize, Serialize};

/// A room of judged seats.
#[derive(Debug)]
pub(super) struct Hindsight {
    verdicts: Entities<Verdict>,
    seats: Vec<Option<EntityId>>,
}

/// There is nothing to set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Nothing {}

/// Nobody wants anything but to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Glance;

/// How a seat was judged in this tick.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Verdict {
    pub(super) seat: SeatId,
    /// How long before the tick the moment lies by which it was judged, in 1/16 tick.
    pub(super) behind: u32,
}

impl Bits for Glance {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bool(true);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        from.read_bool().map(|_| Self)
    }
}

impl Entity for Verdict {
    fn place(&self) -> Place {
        Place::Everywhere
    }

    fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        out.write_bits(self.behind, 32);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { seat: SeatId::decode(from)?, behind: from.read_bits(32)? })
    }
}

/// Nothing to step ahead of the server.
impl Predict for Hindsight {
    type Scene = ();
}

impl Game for Hindsight {
    const NAME: &'static str = "hindsight";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: 4, bots: 0 };

    type Settings = Nothing;
    type Input = Glance;
    type Entity = Verdict;
    type Event = Glance;

    fn new(setup: &Setup<Nothing>) -> Self {
        Self { verdicts: Entities::new(), seats: vec![None; usize::from(setup.seats)] }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        self.seats[seat.index()] = self.verdicts.insert(Verdict { seat, behind: 0 }).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        if let Some(verdict) = self.seats[seat.index()].take() {
            self.verdicts.remove(verdict);
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        let now = quarrel_shared::sub_tick::SubTick::of(step.tick);
        for (_, verdict) in self.verdicts.iter_mut() {
            verdict.behind = now.since(step.rewind.of(verdict.seat)) as u32;
        }
    }

    fn entities(&self) -> &Entities<Verdict> {
        &self.verdicts
    }

    fn view(&self, _seat: SeatId) -> Viewpoint {
        Viewpoint::default()
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn save(&self, out: &mut BitWriter) {
        self.verdicts.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
    }

    fn load(setup: &Setup<Nothing>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let verdicts = Entities::load(from, Verdict::decode)?;
        let seats = (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?;
        Ok(Self { verdicts, seats })
    }
}
