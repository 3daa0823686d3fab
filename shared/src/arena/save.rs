//! Checkpoints of an arena: its entities, random number generator, position history and recent hits. Everything else is rebuilt from
//! these and the setup.

use std::collections::BTreeMap;

use super::{
    Arena, ArenaEntity, Bolt, Fighter, Kit, Map, Match, Pickup, Score, Settings,
    history::PositionHistory,
    recent_hits::RecentHits,
    state::{Player, Published},
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Entities, Entity, GameRng, Setup},
    id::{EntityId, SeatId},
    tick::Tick,
};

impl Arena {
    /// Writes everything that cannot be rebuilt from the setup.
    pub(super) fn write_state(&self, out: &mut BitWriter) {
        out.write_bits(self.tick.0, 32);
        self.rng.encode(out);
        self.entities.save(out, Entity::encode);
        self.history.save(out);
        self.recent_hits.save(self.tick, out);
    }

    /// Reads a state written by [`Self::write_state`]. `setup` must equal the one of the arena that wrote it.
    pub(super) fn read_state(setup: &Setup<Settings>, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let tick = Tick(from.read_bits(32)?);
        let rng = GameRng::decode(from)?;
        let entities = Entities::load(from, ArenaEntity::decode)?;
        let history = PositionHistory::load(setup.tick_rate, tick, usize::from(setup.seats), from)?;
        let recent_hits = RecentHits::load(tick, from)?;
        let mut loaded = LoadedEntities::default();
        entities.iter().for_each(|(id, entity)| loaded.insert(id, entity.clone()));
        let current_match = loaded.current_match.take().ok_or(BitsError::OutOfRange)?;
        Ok(Self {
            settings: setup.settings.clone(),
            rate: setup.tick_rate,
            tick,
            seed: setup.seed,
            rng,
            map: Map::from_seed(current_match.state.seed),
            current_match,
            seats: loaded.take_players(setup.seats)?,
            bolts: loaded.bolts,
            pickups: loaded.pickups,
            history,
            recent_hits,
            entities,
        })
    }
}

/// The entities of a checkpoint, grouped by type.
#[derive(Default)]
struct LoadedEntities {
    current_match: Option<Published<Match>>,
    fighters: BTreeMap<SeatId, Published<Fighter>>,
    kits: BTreeMap<SeatId, Published<Kit>>,
    scores: BTreeMap<SeatId, Published<Score>>,
    bolts: BTreeMap<EntityId, Bolt>,
    pickups: BTreeMap<EntityId, Pickup>,
}

impl LoadedEntities {
    fn insert(&mut self, id: EntityId, entity: ArenaEntity) {
        match entity {
            ArenaEntity::Match(state) => self.current_match = Some(Published { id, state }),
            ArenaEntity::Score(state) => {
                self.scores.insert(state.seat, Published { id, state });
            }
            ArenaEntity::Fighter(state) => {
                self.fighters.insert(state.seat, Published { id, state });
            }
            ArenaEntity::Kit(state) => {
                self.kits.insert(state.seat, Published { id, state });
            }
            ArenaEntity::Bolt(state) => {
                self.bolts.insert(id, state);
            }
            ArenaEntity::Pickup(state) => {
                self.pickups.insert(id, state);
            }
        }
    }

    /// Takes the players out, one element for each seat. An occupied seat has exactly one fighter, one kit and one score.
    fn take_players(&mut self, seats: u16) -> Result<Vec<Option<Player>>, BitsError> {
        let all = (0..seats).map(|index| self.take_player(SeatId(index))).collect::<Result<_, _>>()?;
        let none_left_over = self.fighters.is_empty() && self.kits.is_empty() && self.scores.is_empty();
        if none_left_over { Ok(all) } else { Err(BitsError::OutOfRange) }
    }

    fn take_player(&mut self, seat: SeatId) -> Result<Option<Player>, BitsError> {
        match (self.fighters.remove(&seat), self.kits.remove(&seat), self.scores.remove(&seat)) {
            (Some(fighter), Some(kit), Some(score)) => Ok(Some(Player { fighter, kit, score })),
            (None, None, None) => Ok(None),
            _ => Err(BitsError::OutOfRange),
        }
    }
}
