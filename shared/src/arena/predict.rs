//! What a client may step ahead of the server: its own fighter, its hands, and the bolts it has in the air.
//!
//! Every rule is the one that [`step`](super::step) uses, in the same order. What depends on others is left to the server:
//! whom a bolt strikes, who is first at a pickup, who is struck, who wins; and so is where somebody appears.

use super::{Arena, ArenaEntity, Bolt, Fighter, Input, Kit, Map, Match, Weapon, weapons};
use crate::{
    game::{Observation, Predict, PredictedEntities},
    id::SeatId,
    tick::{Tick, TickRate},
};

/// What a seat's own things meet: walls, built when the match that is seen has another seed, and the match's end.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    map: Option<Map>,
    bout: Option<Match>,
    /// When all this was seen.
    tick: Tick,
}

impl Scene {
    /// The map of the match that is seen; `None` before any was.
    #[must_use]
    pub const fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }

    /// Brings the scene up to the match among these entities. True when its map is another one than before.
    pub(super) fn update(&mut self, seen: &Observation<'_, Arena>) -> bool {
        let bout = seen.entities.iter().find_map(|(_, entity)| match entity {
            ArenaEntity::Match(bout) => Some(bout),
            _ => None,
        });
        let Some(bout) = bout else { return false };
        self.tick = seen.tick;
        self.bout = Some(bout.clone());
        let is_new = self.map.as_ref().is_none_or(|map| map.seed() != bout.seed);
        if is_new {
            self.map = Some(Map::from_seed(bout.seed));
        }
        is_new
    }

    /// The tick that this fighter's next step makes. Nobody says how far ahead a prediction is, but the fighter's phase goes
    /// round once a second, and farther ahead nobody plays.
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

    /// One tick, in the order of [`Game::step`](crate::game::Game::step). The rate comes with the fighter's body, where the server wrote it.
    fn predict(own: &mut PredictedEntities<ArenaEntity>, input: &Input, scene: &Scene, _rate: TickRate) {
        let (Some(map), Some(bout)) = (&scene.map, &scene.bout) else { return };
        let (Some(fighter), Some(kit)) = hands(own) else { return };
        let tick = scene.next_tick(fighter);
        kit.wait();
        fighter.go(input, map);
        if !bout.is_played_in(tick) {
            return;
        }
        let goes_off = fighter.is_alive() && weapons::work(fighter, kit, input, fighter.body.rate);
        let shot = (goes_off && fighter.weapon == Weapon::Crossbow).then(|| Bolt::shot_by(fighter));
        if bout.is_due(tick) {
            weapons::lower(fighter, kit);
            own.retain_mut(|thing| !matches!(thing, ArenaEntity::Bolt(_)));
            return;
        }
        // A bolt that is shot in this tick begins to fly in the next.
        own.retain_mut(|thing| if let ArenaEntity::Bolt(bolt) = thing { flies_on(bolt, map) } else { true });
        shot.into_iter().for_each(|bolt| own.spawn(ArenaEntity::Bolt(bolt)));
    }
}

/// The seat's fighter and kit.
fn hands(own: &mut PredictedEntities<ArenaEntity>) -> (Option<&mut Fighter>, Option<&mut Kit>) {
    let mut hands = (None, None);
    for thing in own.iter_mut() {
        match thing {
            ArenaEntity::Fighter(fighter) => hands.0 = Some(fighter),
            ArenaEntity::Kit(kit) => hands.1 = Some(kit),
            _ => {}
        }
    }
    hands
}

/// Lets a bolt fly for a tick. False when it was its last.
fn flies_on(bolt: &mut Bolt, map: &Map) -> bool {
    let flight = bolt.fly(map);
    let flies_on = !flight.is_last();
    *bolt = flight.after;
    flies_on
}
