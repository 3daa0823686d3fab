//! What a client may step ahead of the server: its own fighter's motion.

use super::{Arena, ArenaEntity, Input, Map, movement};
use crate::{
    game::{Own, Predict, Seen},
    id::SeatId,
    tick::TickRate,
};

/// The walls around, built when the match that is seen has another seed.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    map: Option<Map>,
}

impl Scene {
    /// The map of the match that is seen; `None` before any was.
    #[must_use]
    pub const fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }

    /// Brings the map up to the match among these entities. True when it is another one than before.
    pub(super) fn update(&mut self, seen: &Seen<'_, Arena>) -> bool {
        let seed = seen.entities.iter().find_map(|(_, entity)| match entity {
            ArenaEntity::Match(bout) => Some(bout.seed),
            _ => None,
        });
        let known = self.map.as_ref().map(Map::seed);
        let is_new = seed.is_some() && seed != known;
        if is_new {
            self.map = seed.map(Map::from_seed);
        }
        is_new
    }
}

impl Predict for Arena {
    type Scene = Scene;

    fn observe(scene: &mut Scene, seen: &Seen<'_, Self>) {
        scene.update(seen);
    }

    fn is_own(entity: &ArenaEntity, seat: SeatId) -> bool {
        match entity {
            ArenaEntity::Fighter(fighter) => fighter.seat == seat,
            ArenaEntity::Kit(kit) => kit.seat == seat,
            ArenaEntity::Bolt(bolt) => bolt.owner == seat,
            ArenaEntity::Match(_) | ArenaEntity::Score(_) | ArenaEntity::Pickup(_) => false,
        }
    }

    /// Only a standing fighter moves by itself; the rate comes with its body, where the server wrote it.
    fn predict(own: &mut Own<ArenaEntity>, input: &Input, scene: &Scene, _rate: TickRate) {
        let Some(map) = &scene.map else { return };
        for thing in own.iter_mut() {
            if let ArenaEntity::Fighter(fighter) = thing
                && fighter.is_alive()
            {
                movement::advance(&mut fighter.body, input, map);
            }
        }
    }
}
