//! Client prediction: the seat's own fighter, its weapon, and its bolts in flight.
//!
//! Every rule is the one that [`step`](super::step) uses, in the same order. Results that depend on other players are left
//! to the server: hits by bolts, contested pickups, damage, the winner and spawn positions.

use super::{Arena, ArenaEntity, Bolt, Fighter, Input, Kit, Map, Match, Weapon, weapons};
use crate::{
    game::{Observation, Predict, PredictedEntities},
    id::SeatId,
    tick::{Tick, TickRate},
};

/// The surroundings of predicted entities: the map, rebuilt when the observed match has another seed, and the match with its
/// end.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    map: Option<Map>,
    current_match: Option<Match>,
    /// The tick of the last observed view.
    tick: Tick,
}

impl Scene {
    /// The map of the observed match; `None` before the first observation.
    #[must_use]
    pub const fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }

    /// Updates the scene from the match among these entities. Returns true when the map has changed.
    pub(super) fn update(&mut self, seen: &Observation<'_, Arena>) -> bool {
        let current_match = seen.entities.iter().find_map(|(_, entity)| match entity {
            ArenaEntity::Match(current_match) => Some(current_match),
            _ => None,
        });
        let Some(current_match) = current_match else { return false };
        self.tick = seen.tick;
        self.current_match = Some(current_match.clone());
        let is_new = self.map.as_ref().is_none_or(|map| map.seed() != current_match.seed);
        if is_new {
            self.map = Some(Map::from_seed(current_match.seed));
        }
        is_new
    }

    /// The tick that the fighter's next step simulates, derived from the fighter's phase. The phase repeats once a second, and
    /// no prediction runs farther ahead.
    fn next_tick(&self, fighter: &Fighter) -> Tick {
        self.tick.after(fighter.body.ticks_since(self.tick)).next()
    }
}

impl Predict for Arena {
    type Scene = Scene;

    fn observe(scene: &mut Scene, seen: &Observation<'_, Self>) {
        scene.update(seen);
    }

    fn is_predicted(entity: &ArenaEntity, seat: SeatId) -> bool {
        match entity {
            ArenaEntity::Fighter(fighter) => fighter.seat == seat,
            ArenaEntity::Kit(kit) => kit.seat == seat,
            ArenaEntity::Bolt(bolt) => bolt.owner == seat,
            ArenaEntity::Match(_) | ArenaEntity::Score(_) | ArenaEntity::Pickup(_) => false,
        }
    }

    /// One tick, in the order of [`Game::step`](crate::game::Game::step). The rate comes with the fighter's body, where the
    /// server wrote it.
    fn predict(own: &mut PredictedEntities<ArenaEntity>, input: &Input, scene: &Scene, _rate: TickRate) {
        let (Some(map), Some(current_match)) = (&scene.map, &scene.current_match) else { return };
        let (Some(fighter), Some(kit)) = fighter_and_kit(own) else { return };
        let tick = scene.next_tick(fighter);
        kit.count_down_respawn();
        fighter.step(input, map);
        if !current_match.is_played_in(tick) {
            return;
        }
        let has_fired = fighter.is_alive() && weapons::step(fighter, kit, input, fighter.body.rate);
        let shot = (has_fired && fighter.weapon == Weapon::Crossbow).then(|| Bolt::fired_by(fighter));
        if current_match.is_due(tick) {
            weapons::lower(fighter, kit);
            own.retain_mut(|entity| !matches!(entity, ArenaEntity::Bolt(_)));
            return;
        }
        // A bolt fired in this tick starts to move in the next.
        own.retain_mut(
            |entity| if let ArenaEntity::Bolt(bolt) = entity { step_bolt(bolt, map) } else { true },
        );
        shot.into_iter().for_each(|bolt| own.spawn(ArenaEntity::Bolt(bolt)));
    }
}

/// The seat's fighter and kit.
fn fighter_and_kit(own: &mut PredictedEntities<ArenaEntity>) -> (Option<&mut Fighter>, Option<&mut Kit>) {
    let mut found = (None, None);
    for entity in own.iter_mut() {
        match entity {
            ArenaEntity::Fighter(fighter) => found.0 = Some(fighter),
            ArenaEntity::Kit(kit) => found.1 = Some(kit),
            _ => {}
        }
    }
    found
}

/// Moves a bolt by one tick. Returns false when the bolt disappears.
fn step_bolt(bolt: &mut Bolt, map: &Map) -> bool {
    let flight = bolt.step(map);
    let still_flies = !flight.is_last();
    *bolt = flight.after;
    still_flies
}
