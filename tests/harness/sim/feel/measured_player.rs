//! The measured player: walks as a bot does, on the eight ways of a keyboard, and shoots a longbow at whoever its screen shows.

use std::{ops::ControlFlow, time::Duration};

use quarrel_client::{ClientEvent, Controller, Drawn, InputSlot, Joined};
use quarrel_shared::{
    arena::{
        Arena, ArenaEntity, Fighter, Input, Kit, Map, Phase, Scene, Weapon, arrow_target, releases_arrow,
    },
    game::{Angle, Brain, Game, Point, Predict, PredictedEntities},
    id::EntityId,
    protocol::{CloseReason, datagram::SnapshotHeader},
    tick::TickRate,
};

use super::record::{Record, Shot};

/// Somebody who holds keys and aims well.
pub(super) struct Marksman {
    legs: Box<dyn Brain<Arena>>,
    joined: Option<Joined>,
    scene: Scene,
    pub(super) record: Record,
}

/// One's own fighter and kit, as predicted.
struct Me<'a> {
    fighter_id: EntityId,
    kit_id: EntityId,
    fighter: &'a Fighter,
    kit: &'a Kit,
}

impl Marksman {
    pub(super) fn new(seed: u64, record: Record) -> Self {
        let legs = Arena::brain("hunt", seed).expect("Arena has hunters");
        Self { legs, joined: None, scene: Scene::default(), record }
    }

    /// Aims at the nearest in sight, holds the bow, and lets go when the arrow would strike somebody on this screen.
    fn aim(&mut self, slot: InputSlot, walk: Input, joined: &Joined, drawn: &Drawn<ArenaEntity>) -> Input {
        let held = Input { weapon: Weapon::Longbow, fire: true, ..walk };
        let (Some(me), Some(map)) = (me(joined, drawn), self.scene.map()) else { return held };
        let loosed = |aim: Angle| Input { weapon: Weapon::Longbow, fire: false, aim, ..walk };
        let there = moved(&me, &loosed(me.fighter.body.aim), &self.scene, joined.rate);
        let others = || others(joined, drawn);
        let in_sight = others().filter(|other| other.is_alive() && map.is_free(there, other.body.at));
        let nearest = in_sight.min_by_key(|other| there.distance_squared(other.body.at));
        let Some(aim) = nearest.map(|other| Angle::of(other.body.at - there)) else { return held };
        let input = loosed(aim);
        if !is_playing(drawn) || !releases_arrow(me.fighter, me.kit, &input, joined.rate) {
            return Input { aim, ..held };
        }
        match target(map, me.fighter, there, aim, others()) {
            Some(victim) => {
                let shot = Shot { by: joined.seat, victim, seen: drawn.interpolated_at };
                self.record.shot(slot.tick, shot, slot.due);
                input
            }
            None => Input { aim, ..held },
        }
    }
}

impl Controller<Arena> for Marksman {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<ArenaEntity>>) -> Input {
        let (Some(joined), Some(drawn)) = (self.joined, drawn) else { return Input::default() };
        self.record.look(drawn, slot.due);
        let seen = drawn.seen::<Arena>(joined.rate, joined.seat);
        Arena::observe(&mut self.scene, &seen);
        let walk = on_keys(self.legs.decide(seen));
        self.aim(slot, walk, &joined, drawn)
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, now: Duration, _rtt: Duration) {
        self.record.snapshot(header, now);
    }

    fn on_correction(&mut self, by: u32, now: Duration) {
        self.record.correction(by, now);
    }

    fn on_event(&mut self, event: ClientEvent<Arena>, now: Duration) -> ControlFlow<CloseReason> {
        match event {
            ClientEvent::Joined(joined) => {
                self.joined = Some(joined);
                self.record.seated(joined.rate, now);
            }
            ClientEvent::Event { tick, event } => {
                if let Some(joined) = &self.joined {
                    self.record.event(tick, event, joined.seat);
                }
            }
            ClientEvent::JoinRefused { reason, .. } | ClientEvent::RoomClosed { reason, .. } => {
                return ControlFlow::Break(reason);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Walks the nearest of eight ways at full speed, or not at all.
fn on_keys(input: Input) -> Input {
    let way = Point::new(input.move_x.into(), input.move_y.into());
    if way.length() < 40 {
        return Input { move_x: 0, move_y: 0, ..input };
    }
    const EIGHTH: u16 = 1 << 13;
    let eighth = Angle::of(way).0.wrapping_add(EIGHTH / 2) / EIGHTH;
    input.walking(Angle(eighth.wrapping_mul(EIGHTH)).times(Input::FULL_SPEED))
}

/// Where this input brings one's own fighter, and the weapon goes off from.
fn moved(me: &Me<'_>, input: &Input, scene: &Scene, rate: TickRate) -> Point {
    let mut own = PredictedEntities::new();
    own.confirm(me.fighter_id, ArenaEntity::Fighter(me.fighter.clone()));
    own.confirm(me.kit_id, ArenaEntity::Kit(me.kit.clone()));
    Arena::predict(&mut own, input, scene, rate);
    let moved = own
        .iter()
        .find_map(|(_, thing)| if let ArenaEntity::Fighter(one) = thing { Some(one.body.at) } else { None });
    moved.unwrap_or(me.fighter.body.at)
}

fn target<'a>(
    map: &Map,
    fighter: &Fighter,
    at: Point,
    aim: Angle,
    others: impl Iterator<Item = &'a Fighter>,
) -> Option<quarrel_shared::id::SeatId> {
    let mut shooter = fighter.clone();
    (shooter.body.at, shooter.body.aim) = (at, aim);
    arrow_target(map, &shooter, others)
}

fn me<'a>(joined: &Joined, drawn: &'a Drawn<ArenaEntity>) -> Option<Me<'a>> {
    let entities = || drawn.entities.iter();
    let (fighter_id, fighter) = entities().find_map(|(id, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat == joined.seat => Some((*id, fighter)),
        _ => None,
    })?;
    let (kit_id, kit) = entities().find_map(|(id, entity)| match entity {
        ArenaEntity::Kit(kit) => Some((*id, kit)),
        _ => None,
    })?;
    Some(Me { fighter_id, kit_id, fighter, kit })
}

/// Whether weapons are at work.
fn is_playing(drawn: &Drawn<ArenaEntity>) -> bool {
    drawn
        .entities
        .iter()
        .any(|(_, one)| matches!(one, ArenaEntity::Match(bout) if bout.phase == Phase::Playing))
}

fn others<'a>(joined: &Joined, drawn: &'a Drawn<ArenaEntity>) -> impl Iterator<Item = &'a Fighter> {
    let seat = joined.seat;
    drawn.entities.iter().filter_map(move |(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat != seat => Some(fighter),
        _ => None,
    })
}
