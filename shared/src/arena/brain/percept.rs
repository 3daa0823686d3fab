//! What a bot makes of its view, in one pass.

use crate::{
    arena::{Arena, ArenaEntity, Bolt, Fighter, Kit, Map, Phase, geometry::passing},
    game::{Observation, Point, UNIT},
    tick::{Tick, TickRate},
};

/// A view, sorted by what matters to the seat that has it.
#[derive(Debug)]
pub(super) struct Percept<'a> {
    pub(super) tick: Tick,
    pub(super) rate: TickRate,
    pub(super) map: &'a Map,
    pub(super) phase: Phase,
    pub(super) me: &'a Fighter,
    pub(super) kit: &'a Kit,
    /// The nearest standing enemy in sight.
    pub(super) enemy: Option<&'a Fighter>,
    /// A bolt that will strike unless something is done.
    pub(super) threat: Option<&'a Bolt>,
}

/// How far ahead a bot reckons with a bolt, in milliseconds.
const FORESIGHT_MS: i32 = 500;
/// How near a bolt must pass to be a threat, in 1/256 unit.
const THREAT: i32 = Fighter::RADIUS + Bolt::RADIUS + UNIT / 4;

impl<'a> Percept<'a> {
    /// `None` when the view does not hold the seat's own fighter, or no match.
    pub(super) fn of(seen: &Observation<'a, Arena>, map: &'a Map) -> Option<Self> {
        let (me, kit) = own(seen)?;
        let mut percept = Self {
            tick: seen.tick,
            rate: seen.rate,
            map,
            phase: Phase::Playing,
            me,
            kit,
            enemy: None,
            threat: None,
        };
        seen.entities.iter().for_each(|(_, entity)| percept.consider(entity));
        Some(percept)
    }

    /// Where the bot stands.
    pub(super) const fn at(&self) -> Point {
        self.me.body.at
    }

    /// How far away something is, in 1/256 unit.
    pub(super) const fn distance(&self, other: Point) -> i32 {
        self.me.body.at.distance(other) as i32
    }

    fn consider(&mut self, entity: &'a ArenaEntity) {
        match entity {
            ArenaEntity::Match(bout) => self.phase = bout.phase,
            ArenaEntity::Fighter(other) if self.is_nearer_enemy(other) => self.enemy = Some(other),
            ArenaEntity::Bolt(bolt) if self.is_threat(bolt) => self.threat = Some(bolt),
            _ => {}
        }
    }

    fn is_nearer_enemy(&self, other: &Fighter) -> bool {
        let gap = |fighter: &Fighter| self.at().distance_squared(fighter.body.at);
        other.is_alive()
            && other.allegiance().is_enemy_of(self.me.allegiance())
            && self.enemy.is_none_or(|nearest| gap(other) < gap(nearest))
    }

    fn is_threat(&self, bolt: &Bolt) -> bool {
        let at = bolt.at();
        let later = at + bolt.aim.times(Bolt::SPEED * FORESIGHT_MS / 1000);
        bolt.owner != self.me.seat && passing(at, later, self.at(), THREAT).is_some_and(|along| along > 0)
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
