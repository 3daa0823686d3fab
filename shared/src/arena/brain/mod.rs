//! Bot behaviour (brain): one rule-based brain with three skills. A bot receives its seat's view and returns inputs, as a
//! player's client does.
//!
//! A load test runs thousands of them on one core, so a brain is small (its map is 256 bytes of tiles), a decision is one
//! pass over the view, and a path is planned at most every 400 ms.

mod aim;
mod fight;
mod goal;
mod navigation;
mod pathfinding;
mod perception;
mod skill;

use self::{
    aim::WeaponControl, goal::GoalPlanner, navigation::Navigator, perception::Perception, skill::Skill,
};
use super::{Arena, Input, Phase, Scene};
use crate::game::{Brain, GameRng, Observation};

/// Creates a bot with the named skill; `None` when no skill has this name.
pub(super) fn with_skill(skill: &str, seed: u64) -> Option<Box<dyn Brain<Arena>>> {
    let skill = Skill::named(skill)?;
    Some(Box::new(Bot {
        skill,
        rng: GameRng::new(seed, STREAM),
        scene: Scene::default(),
        planner: GoalPlanner::default(),
        navigator: Navigator::default(),
        weapon: WeaponControl::default(),
    }))
}

/// The random stream of bots.
const STREAM: u64 = 0x626f_7473;

/// A rule-based player.
struct Bot {
    skill: &'static Skill,
    rng: GameRng,
    scene: Scene,
    planner: GoalPlanner,
    navigator: Navigator,
    weapon: WeaponControl,
}

impl Brain<Arena> for Bot {
    fn decide(&mut self, seen: Observation<'_, Arena>) -> Input {
        if self.scene.update(&seen) {
            self.planner = GoalPlanner::default();
            self.navigator = Navigator::default();
        }
        let Self { skill, rng, scene, planner, navigator, weapon } = self;
        let Some(perception) = scene.map().and_then(|map| Perception::of(&seen, map)) else {
            return Input::default();
        };
        if !perception.me.is_alive() || perception.phase == Phase::Result {
            *planner = GoalPlanner::default();
            return weapon.idle(&perception);
        }
        weapon.observe(&perception, skill, rng);
        let goal = planner.goal(&perception, skill, rng, navigator.is_stuck(&perception));
        let direction = fight::direction(&perception, weapon, skill)
            .unwrap_or_else(|| navigator.direction(&perception, goal));
        let mut input = weapon.act(&perception, skill).walking(direction);
        input.dash = fight::wants_dash(&perception, skill, rng);
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arena::Map, game::Game as _};

    #[test]
    fn there_is_a_brain_for_every_skill_and_for_no_other() {
        for skill in Arena::SKILLS {
            assert!(Arena::brain(skill, 1).is_some(), "{skill}");
        }
        assert!(Arena::brain("genius", 1).is_none());
    }

    #[test]
    fn a_brain_is_small() {
        assert!(size_of::<Bot>() < 1024, "{} bytes without the path", size_of::<Bot>());
        assert!(size_of::<Map>() < 512);
    }
}
