//! Checkpoints: the replicated entities are nearly the whole state, so they are what is written, and the last few ticks.

use std::collections::BTreeMap;

use super::{
    Arena, ArenaEntity, Blows, Bolt, Fighter, Kit, Map, Match, Pickup, Score, Seated, Settings, Tracked,
    trail::Past,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Entities, Entity, GameRng, Setup},
    id::{EntityId, SeatId},
    tick::Tick,
};

impl Arena {
    /// Writes the whole state.
    pub(super) fn write_state(&self, out: &mut BitWriter) {
        out.write_bits(self.tick.0, 32);
        self.rng.encode(out);
        self.entities.save(out, Entity::encode);
        self.past.save(out);
        self.blows.save(self.tick, out);
    }

    /// Reads what [`Self::write_state`] wrote.
    pub(super) fn read_state(setup: &Setup<Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let tick = Tick(from.read_bits(32)?);
        let rng = GameRng::decode(from)?;
        let entities = Entities::load(from, ArenaEntity::decode)?;
        let past = Past::load(setup.tick_rate, tick, usize::from(setup.seats), from)?;
        let blows = Blows::load(tick, from)?;
        let mut parts = Parts::default();
        entities.iter().for_each(|(id, entity)| parts.sort_in(id, entity.clone()));
        let bout = parts.bout.take().ok_or(BitsError::OutOfRange)?;
        Ok(Self {
            settings: setup.settings.clone(),
            rate: setup.tick_rate,
            tick,
            seed: setup.seed,
            rng,
            map: Map::from_seed(bout.state.seed),
            bout,
            seats: parts.seated(setup.seats)?,
            bolts: parts.bolts,
            pickups: parts.pickups,
            past,
            blows,
            entities,
        })
    }
}

/// Entities on their way back to where the rules want them.
#[derive(Default)]
struct Parts {
    bout: Option<Tracked<Match>>,
    fighters: BTreeMap<SeatId, Tracked<Fighter>>,
    kits: BTreeMap<SeatId, Tracked<Kit>>,
    scores: BTreeMap<SeatId, Tracked<Score>>,
    bolts: BTreeMap<EntityId, Bolt>,
    pickups: BTreeMap<EntityId, Pickup>,
}

impl Parts {
    fn sort_in(&mut self, id: EntityId, entity: ArenaEntity) {
        match entity {
            ArenaEntity::Match(state) => self.bout = Some(Tracked { id, state }),
            ArenaEntity::Score(state) => {
                self.scores.insert(state.seat, Tracked { id, state });
            }
            ArenaEntity::Fighter(state) => {
                self.fighters.insert(state.seat, Tracked { id, state });
            }
            ArenaEntity::Kit(state) => {
                self.kits.insert(state.seat, Tracked { id, state });
            }
            ArenaEntity::Bolt(state) => {
                self.bolts.insert(id, state);
            }
            ArenaEntity::Pickup(state) => {
                self.pickups.insert(id, state);
            }
        }
    }

    /// One element a seat; each taken seat has exactly a fighter, a kit and a score.
    fn seated(&mut self, seats: u16) -> Result<Vec<Option<Seated>>, BitsError> {
        let all = (0..seats).map(|index| self.seated_at(SeatId(index))).collect::<Result<_, _>>()?;
        let is_all = self.fighters.is_empty() && self.kits.is_empty() && self.scores.is_empty();
        if is_all { Ok(all) } else { Err(BitsError::OutOfRange) }
    }

    fn seated_at(&mut self, seat: SeatId) -> Result<Option<Seated>, BitsError> {
        match (self.fighters.remove(&seat), self.kits.remove(&seat), self.scores.remove(&seat)) {
            (Some(fighter), Some(kit), Some(score)) => Ok(Some(Seated { fighter, kit, score })),
            (None, None, None) => Ok(None),
            _ => Err(BitsError::OutOfRange),
        }
    }
}
