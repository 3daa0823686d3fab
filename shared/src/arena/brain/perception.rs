//! A bot's perception: its view reduced to the relevant facts, in one pass.

use crate::{
    arena::{Arena, ArenaEntity, Bolt, Fighter, Kit, Map, Phase, geometry::closest_approach},
    game::{Observation, Point, UNIT},
    tick::{Tick, TickRate},
};

/// The facts of one view that a bot's decision depends on.
#[derive(Debug)]
pub(super) struct Perception<'a> {
    pub(super) tick: Tick,
    pub(super) rate: TickRate,
    pub(super) map: &'a Map,
    pub(super) phase: Phase,
    pub(super) me: &'a Fighter,
    pub(super) kit: &'a Kit,
    /// The nearest living enemy in the view.
    pub(super) enemy: Option<&'a Fighter>,
    /// A bolt of another seat that passes within [`THREAT_DISTANCE`] in the next [`LOOKAHEAD_MS`]; walls are ignored.
    pub(super) threat: Option<&'a Bolt>,
}

/// Time for which a bolt's flight is predicted, in milliseconds.
const LOOKAHEAD_MS: i32 = 500;
/// Maximum distance at which a passing bolt is a threat, in 1/256 unit: a quarter unit more than a hit.
const THREAT_DISTANCE: i32 = Fighter::RADIUS + Bolt::RADIUS + UNIT / 4;

impl<'a> Perception<'a> {
    /// Reads a view. `None` when it lacks the seat's own fighter or kit.
    pub(super) fn of(seen: &Observation<'a, Arena>, map: &'a Map) -> Option<Self> {
        let (me, kit) = own(seen)?;
        let mut perception = Self {
            tick: seen.tick,
            rate: seen.rate,
            map,
            phase: Phase::Playing,
            me,
            kit,
            enemy: None,
            threat: None,
        };
        seen.entities.iter().for_each(|(_, entity)| perception.add(entity));
        Some(perception)
    }

    /// The bot's position.
    pub(super) const fn at(&self) -> Point {
        self.me.body.at
    }

    /// Distance to a point, in 1/256 unit.
    pub(super) const fn distance(&self, other: Point) -> i32 {
        self.me.body.at.distance(other) as i32
    }

    fn add(&mut self, entity: &'a ArenaEntity) {
        match entity {
            ArenaEntity::Match(current_match) => self.phase = current_match.phase,
            ArenaEntity::Fighter(other) if self.is_nearer_enemy(other) => self.enemy = Some(other),
            ArenaEntity::Bolt(bolt) if self.is_threat(bolt) => self.threat = Some(bolt),
            _ => {}
        }
    }

    fn is_nearer_enemy(&self, other: &Fighter) -> bool {
        let distance_squared = |fighter: &Fighter| self.at().distance_squared(fighter.body.at);
        other.is_alive()
            && other.allegiance().is_enemy_of(self.me.allegiance())
            && self.enemy.is_none_or(|nearest| distance_squared(other) < distance_squared(nearest))
    }

    fn is_threat(&self, bolt: &Bolt) -> bool {
        let at = bolt.at();
        let later = at + bolt.aim.times(Bolt::SPEED * LOOKAHEAD_MS / 1000);
        bolt.owner != self.me.seat
            && closest_approach(at, later, self.at(), THREAT_DISTANCE).is_some_and(|along| along > 0)
    }
}

fn own<'a>(seen: &Observation<'a, Arena>) -> Option<(&'a Fighter, &'a Kit)> {
    let mut fighter = None;
    let mut kit = None;
    for (_, entity) in seen.entities {
        match entity {
            ArenaEntity::Fighter(one) if one.seat == seen.seat => fighter = Some(one),
            ArenaEntity::Kit(one) => kit = Some(one),
            _ => {}
        }
    }
    Some((fighter?, kit?))
}
