//! A bot's destination when it is not fighting.

use super::{perception::Perception, skill::Skill};
use crate::{
    arena::{PickupKind, Tile},
    game::{GameRng, Point},
    tick::Tick,
};

/// Chooses and keeps a bot's destination.
#[derive(Debug, Default)]
pub(super) struct GoalPlanner {
    /// The current destination.
    goal: Option<Tile>,
    intent: Intent,
    /// Position and tick of the last enemy seen.
    last_seen: Option<(Point, Tick)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Intent {
    #[default]
    Roam,
    Pursue,
    Fetch(PickupKind),
}

/// A fighting bot with fewer bolts and arrows than this fetches more.
const FEW_BOLTS: u8 = 3;

impl GoalPlanner {
    /// Returns the tile to walk to. A pursuit follows the enemy's last seen position; any other goal is kept until the bot
    /// reaches it, changes its intent, or gets stuck.
    pub(super) fn goal(
        &mut self,
        perception: &Perception<'_>,
        skill: &Skill,
        rng: &mut GameRng,
        is_stuck: bool,
    ) -> Tile {
        self.update_last_seen(perception, skill);
        let here = Tile::of(perception.at());
        let intent = self.most_urgent_intent(perception, skill);
        if intent == Intent::Pursue {
            self.goal = self.last_seen.map(|(at, _)| Tile::of(at));
        } else if intent != self.intent || is_stuck || self.goal == Some(here) {
            self.goal = choose_goal(intent, perception, rng);
        }
        self.intent = intent;
        *self.goal.get_or_insert_with(|| choose_goal(Intent::Roam, perception, rng).unwrap_or(here))
    }

    /// Updates the last seen enemy; clears it when the skill's pursuit time is over, or when the bot stands on that tile and
    /// sees no enemy.
    fn update_last_seen(&mut self, perception: &Perception<'_>, skill: &Skill) {
        if let Some(enemy) = perception.enemy {
            self.last_seen = Some((enemy.body.at, perception.tick));
        }
        let is_stale = |(at, when): (Point, Tick)| {
            perception.tick.since(when) >= perception.rate.ticks(skill.pursues_ms)
                || perception.enemy.is_none() && Tile::of(at) == Tile::of(perception.at())
        };
        if self.last_seen.is_some_and(is_stale) {
            self.last_seen = None;
        }
    }

    fn most_urgent_intent(&self, perception: &Perception<'_>, skill: &Skill) -> Intent {
        if perception.me.health < skill.retreats_below {
            Intent::Fetch(PickupKind::Health)
        } else if self.last_seen.is_some() && skill.pursues_ms > 0 {
            Intent::Pursue
        } else if skill.fights && perception.kit.quiver < FEW_BOLTS {
            Intent::Fetch(PickupKind::Quiver)
        } else {
            Intent::Roam
        }
    }
}

/// A destination for an intent: the nearest pickup position of the wanted kind, available or not (other than one on the
/// bot's own tile), or a random spawn point.
fn choose_goal(intent: Intent, perception: &Perception<'_>, rng: &mut GameRng) -> Option<Tile> {
    let (map, here) = (perception.map, Tile::of(perception.at()));
    let distance_squared = |at: &Point| perception.at().distance_squared(*at);
    let at = match intent {
        Intent::Fetch(wanted) => {
            let fitting =
                map.pickups().enumerate().filter(|(index, _)| PickupKind::at_index(*index) == wanted);
            fitting.map(|(_, at)| at).filter(|at| Tile::of(*at) != here).min_by_key(distance_squared)
        }
        Intent::Roam | Intent::Pursue => {
            let count = map.spawns().count() as u32;
            map.spawns().nth(rng.below(count) as usize)
        }
    };
    at.map(Tile::of)
}
