//! The bots: three skills of one brain. They see what their seat's view shows and answer with inputs, like anybody else.
//!
//! Thousands of them run on one core in a load test, so a brain is small (its map is 256 bytes of tiles) and a decision is
//! one pass over the view; a path is planned a few times a second at most.

mod aim;
mod errand;
mod fight;
mod percept;
mod route;
mod skill;
mod walk;

use self::{aim::Hands, errand::Errand, percept::Percept, skill::Skill, walk::Walker};
use super::{Arena, Input, Phase, Scene};
use crate::game::{Brain, GameRng, Observation};

/// A bot of the named skill.
pub(super) fn of_skill(skill: &str, seed: u64) -> Option<Box<dyn Brain<Arena>>> {
    let skill = Skill::named(skill)?;
    Some(Box::new(Bot {
        skill,
        rng: GameRng::new(seed, STREAM),
        scene: Scene::default(),
        errand: Errand::default(),
        walker: Walker::default(),
        hands: Hands::default(),
    }))
}

/// The stream of randomness that brains draw from.
const STREAM: u64 = 0x626f_7473;

/// Somebody who plays by rule.
struct Bot {
    skill: &'static Skill,
    rng: GameRng,
    scene: Scene,
    errand: Errand,
    walker: Walker,
    hands: Hands,
}

impl Brain<Arena> for Bot {
    fn decide(&mut self, seen: Observation<'_, Arena>) -> Input {
        if self.scene.update(&seen) {
            self.errand = Errand::default();
            self.walker = Walker::default();
        }
        let Self { skill, rng, scene, errand, walker, hands } = self;
        let Some(percept) = scene.map().and_then(|map| Percept::of(&seen, map)) else {
            return Input::default();
        };
        if !percept.me.is_alive() || percept.phase == Phase::Result {
            *errand = Errand::default();
            return hands.rest(&percept);
        }
        hands.notice(&percept, skill, rng);
        let goal = errand.goal(&percept, skill, rng, walker.is_stuck(&percept));
        let way = fight::way(&percept, hands, skill).unwrap_or_else(|| walker.way(&percept, goal));
        let mut input = hands.work(&percept, skill).walking(way);
        input.dash = fight::wants_dash(&percept, skill, rng);
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
        assert!(size_of::<Bot>() < 1024, "{} bytes, and a path besides", size_of::<Bot>());
        assert!(size_of::<Map>() < 512);
    }
}
