//! Where a bot is going when nobody keeps it busy.

use super::{percept::Percept, skill::Skill};
use crate::{
    arena::{PickupKind, Tile},
    game::{GameRng, Point},
    tick::Tick,
};

/// What a bot has in mind.
#[derive(Debug, Default)]
pub(super) struct Errand {
    /// Where it is going.
    goal: Option<Tile>,
    why: Why,
    /// Where it saw an enemy last, and when.
    quarry: Option<(Point, Tick)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Why {
    #[default]
    Roaming,
    Pursuing,
    Fetching(PickupKind),
}

/// With fewer bolts than this a bot looks for more.
const FEW_BOLTS: u8 = 3;

impl Errand {
    /// Where to go. A goal stands until it is reached, something more urgent comes up, or the way is stuck.
    pub(super) fn goal(
        &mut self,
        percept: &Percept<'_>,
        skill: &Skill,
        rng: &mut GameRng,
        is_stuck: bool,
    ) -> Tile {
        self.remember(percept, skill);
        let here = Tile::of(percept.at());
        let why = self.most_urgent(percept, skill);
        if why == Why::Pursuing {
            self.goal = self.quarry.map(|(at, _)| Tile::of(at));
        } else if why != self.why || is_stuck || self.goal == Some(here) {
            self.goal = choose(why, percept, rng);
        }
        self.why = why;
        *self.goal.get_or_insert_with(|| choose(Why::Roaming, percept, rng).unwrap_or(here))
    }

    /// Keeps in mind where the enemy was, for as long as the skill goes after it and it may still be near there.
    fn remember(&mut self, percept: &Percept<'_>, skill: &Skill) {
        if let Some(enemy) = percept.enemy {
            self.quarry = Some((enemy.body.at, percept.tick));
        }
        let is_cold = |(at, when): (Point, Tick)| {
            percept.tick.since(when) >= percept.rate.ticks(skill.pursues_ms)
                || percept.enemy.is_none() && Tile::of(at) == Tile::of(percept.at())
        };
        if self.quarry.is_some_and(is_cold) {
            self.quarry = None;
        }
    }

    fn most_urgent(&self, percept: &Percept<'_>, skill: &Skill) -> Why {
        if percept.me.health < skill.retreats_below {
            Why::Fetching(PickupKind::Health)
        } else if self.quarry.is_some() && skill.pursues_ms > 0 {
            Why::Pursuing
        } else if skill.fights && percept.kit.quiver < FEW_BOLTS {
            Why::Fetching(PickupKind::Quiver)
        } else {
            Why::Roaming
        }
    }
}

/// A tile to go to: the nearest pickup of a kind (but not the one that it stands on), or anywhere.
fn choose(why: Why, percept: &Percept<'_>, rng: &mut GameRng) -> Option<Tile> {
    let (map, here) = (percept.map, Tile::of(percept.at()));
    let gap = |at: &Point| percept.at().distance_squared(*at);
    let at = match why {
        Why::Fetching(wanted) => {
            let fitting =
                map.pickups().enumerate().filter(|(place, _)| PickupKind::of_place(*place) == wanted);
            fitting.map(|(_, at)| at).filter(|at| Tile::of(*at) != here).min_by_key(gap)
        }
        Why::Roaming | Why::Pursuing => {
            let count = map.spawns().count() as u32;
            map.spawns().nth(rng.below(count) as usize)
        }
    };
    at.map(Tile::of)
}
