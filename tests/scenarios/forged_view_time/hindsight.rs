//! A game whose views show, for each seat, the moment to which the server rewound.

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Entities, Entity, Game, Occupant, Outcome, Place, Predict, RoomDefaults, Setup, Step, Viewpoint},
    id::{EntityId, SeatId},
};
use serde::{Deserialize, Serialize};

/// The state: one entity per seat.
#[derive(Debug)]
pub(super) struct Hindsight {
    rewinds: Entities<AppliedRewind>,
    seats: Vec<Option<EntityId>>,
}

/// This game has no settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct NoSettings {}

/// An input without content; sending one is enough to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct EmptyInput;

/// The rewind of a seat in this tick.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct AppliedRewind {
    pub(super) seat: SeatId,
    /// The distance from the tick back to the rewound moment, in 1/16 tick.
    pub(super) behind: u32,
}

impl Bits for EmptyInput {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bool(true);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        from.read_bool().map(|_| Self)
    }
}

impl Entity for AppliedRewind {
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

/// Nothing is predicted.
impl Predict for Hindsight {
    type Scene = ();
}

impl Game for Hindsight {
    const NAME: &'static str = "hindsight";
    const REVISION: u32 = 1;
    const ROOM: RoomDefaults = RoomDefaults { seats: 4, bots: 0, max_seats: 4 };

    type Settings = NoSettings;
    type Input = EmptyInput;
    type Entity = AppliedRewind;
    type Event = EmptyInput;

    fn new(setup: &Setup<NoSettings>) -> Self {
        Self { rewinds: Entities::new(), seats: vec![None; usize::from(setup.seats)] }
    }

    fn seat_taken(&mut self, seat: SeatId, _occupant: Occupant) {
        self.seats[seat.index()] = self.rewinds.insert(AppliedRewind { seat, behind: 0 }).ok();
    }

    fn seat_left(&mut self, seat: SeatId) {
        if let Some(rewind) = self.seats[seat.index()].take() {
            self.rewinds.remove(rewind);
        }
    }

    fn step(&mut self, step: Step<'_, Self>) {
        let now = quarrel_shared::sub_tick::SubTick::of(step.tick);
        for (_, rewind) in self.rewinds.iter_mut() {
            rewind.behind = now.since(step.rewind.of(rewind.seat)) as u32;
        }
    }

    fn entities(&self) -> &Entities<AppliedRewind> {
        &self.rewinds
    }

    fn view(&self, _seat: SeatId) -> Viewpoint {
        Viewpoint::default()
    }

    fn outcome(&self) -> Option<Outcome> {
        None
    }

    fn save(&self, out: &mut BitWriter) {
        self.rewinds.save(out, Entity::encode);
        self.seats.iter().for_each(|seat| seat.encode(out));
    }

    fn load(setup: &Setup<NoSettings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let rewinds = Entities::load(from, AppliedRewind::decode)?;
        let seats = (0..setup.seats).map(|_| Option::decode(from)).collect::<Result<_, _>>()?;
        Ok(Self { rewinds, seats })
    }
}
