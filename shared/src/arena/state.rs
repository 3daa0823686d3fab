//! The state of a room: its match, seats, bolts and pickups, and the entities under which they are published.
//!
//! The rules are in the files that use this one.

use std::collections::BTreeMap;

use super::{
    bolt::Bolt, entity::ArenaEntity, fighter::Fighter, history::PositionHistory, input::Input, kit::Kit,
    map::Map, match_state::Match, pickup::Pickup, recent_hits::RecentHits, score::Score, settings::Settings,
};
use crate::{
    game::{Entities, GameRng, Inputs},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// A room of Arena.
///
/// The rules work on typed state; `entities` is its published copy, updated at the end of each tick. Entities are added and
/// removed at once.
#[derive(Clone, Debug)]
pub struct Arena {
    pub(super) settings: Settings,
    pub(super) rate: TickRate,
    /// The last simulated tick.
    pub(super) tick: Tick,
    /// The room's secret seed; each match's map seed derives from it.
    pub(super) seed: u64,
    pub(super) rng: GameRng,
    /// Generated from the match's seed.
    pub(super) map: Map,
    pub(super) current_match: Published<Match>,
    /// One element for each seat.
    pub(super) seats: Vec<Option<Player>>,
    pub(super) bolts: BTreeMap<EntityId, Bolt>,
    pub(super) pickups: BTreeMap<EntityId, Pickup>,
    /// Positions of the last ticks, for lag compensation.
    pub(super) history: PositionHistory,
    /// Hits of the last second.
    pub(super) recent_hits: RecentHits,
    pub(super) entities: Entities<ArenaEntity>,
}

/// A state and the id under which it is published.
#[derive(Clone, Debug)]
pub(super) struct Published<T> {
    pub(super) id: EntityId,
    pub(super) state: T,
}

/// The state of an occupied seat.
#[derive(Clone, Debug)]
pub(super) struct Player {
    pub(super) fighter: Published<Fighter>,
    pub(super) kit: Published<Kit>,
    pub(super) score: Published<Score>,
}

impl Arena {
    /// The map of the current match.
    #[must_use]
    pub const fn map(&self) -> &Map {
        &self.map
    }

    /// All occupied seats, in seat order.
    pub(super) fn players(&self) -> impl Iterator<Item = &Player> {
        self.seats.iter().flatten()
    }

    /// All occupied seats, mutable, in seat order.
    pub(super) fn players_mut(&mut self) -> impl Iterator<Item = &mut Player> {
        self.seats.iter_mut().flatten()
    }

    /// The occupied seat with this number.
    pub(super) fn player_mut(&mut self, seat: SeatId) -> Option<&mut Player> {
        self.seats.get_mut(seat.index())?.as_mut()
    }

    /// Copies the typed states to `entities`. Every state has an id since its creation, so none is missing.
    pub(super) fn publish(&mut self) {
        let Self { entities, seats, bolts, pickups, current_match, .. } = self;
        let mut update = |id: EntityId, state: ArenaEntity| {
            if let Some(published) = entities.get_mut(id) {
                *published = state;
            }
        };
        update(current_match.id, ArenaEntity::Match(current_match.state.clone()));
        for Player { fighter, kit, score } in seats.iter().flatten() {
            update(fighter.id, ArenaEntity::Fighter(fighter.state.clone()));
            update(kit.id, ArenaEntity::Kit(kit.state.clone()));
            update(score.id, ArenaEntity::Score(score.state.clone()));
        }
        bolts.iter().for_each(|(&id, bolt)| update(id, ArenaEntity::Bolt(bolt.clone())));
        pickups.iter().for_each(|(&id, pickup)| update(id, ArenaEntity::Pickup(pickup.clone())));
    }
}

impl Player {
    /// The seat's input for this tick; without one it stands still and keeps its aim and its weapon. A drawn longbow stays
    /// drawn, because releasing it shoots, and a missing input must not shoot.
    pub(super) fn input(&self, inputs: Inputs<'_, Input>) -> Input {
        let fighter = &self.fighter.state;
        let (aim, weapon, fire) = (fighter.body.aim, fighter.weapon, fighter.is_drawing);
        let idle = || Input { aim, weapon, fire, ..Input::default() };
        inputs.of(fighter.seat).copied().unwrap_or_else(idle)
    }
}

/// Publishes a new state and returns its id. A room has at most [`MAX_ROOM_SEATS`](crate::limits::MAX_ROOM_SEATS) seats with three
/// entities each, fewer than [`Entities`] holds beside the [bolt slots](Bolt::slots); if it were full, the entity would stay
/// unpublished rather than end the room.
pub(super) fn publish_new(entities: &mut Entities<ArenaEntity>, state: ArenaEntity) -> EntityId {
    entities.insert(state).unwrap_or(EntityId { slot: u16::MAX, generation: u16::MAX })
}
