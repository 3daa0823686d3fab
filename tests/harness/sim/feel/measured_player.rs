//! The measured player: walks as a bot in the eight directions of a keyboard, and shoots its longbow at the drawn fighters.

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

use super::record::{LoggedShot, PlayerRecord};

/// A controller that walks with a bot's brain and aims by the drawn entities.
pub(super) struct MeasuredPlayer {
    walk: Box<dyn Brain<Arena>>,
    joined: Option<Joined>,
    scene: Scene,
    pub(super) record: PlayerRecord,
}

/// The player's own fighter and kit, as predicted.
struct OwnEntities<'a> {
    fighter_id: EntityId,
    kit_id: EntityId,
    fighter: &'a Fighter,
    kit: &'a Kit,
}

impl MeasuredPlayer {
    pub(super) fn new(seed: u64, record: PlayerRecord) -> Self {
        let walk = Arena::brain("hunt", seed).expect("Arena must have the skill hunt");
        Self { walk, joined: None, scene: Scene::default(), record }
    }

    /// Aims at the nearest visible fighter, draws the bow, and releases the arrow when it would hit a drawn fighter.
    fn aim(&mut self, slot: InputSlot, walk: Input, joined: &Joined, drawn: &Drawn<ArenaEntity>) -> Input {
        let held = Input { weapon: Weapon::Longbow, fire: true, ..walk };
        let (Some(own), Some(map)) = (own_entities(joined, drawn), self.scene.map()) else { return held };
        let released = |aim: Angle| Input { weapon: Weapon::Longbow, fire: false, aim, ..walk };
        let position = predicted_position(&own, &released(own.fighter.body.aim), &self.scene, joined.rate);
        let others = || others(joined, drawn);
        let visible = others().filter(|other| other.is_alive() && map.is_free(position, other.body.at));
        let nearest = visible.min_by_key(|other| position.distance_squared(other.body.at));
        let Some(aim) = nearest.map(|other| Angle::of(other.body.at - position)) else { return held };
        let input = released(aim);
        if !is_playing(drawn) || !releases_arrow(own.fighter, own.kit, &input, joined.rate) {
            return Input { aim, ..held };
        }
        match target(map, own.fighter, position, aim, others()) {
            Some(victim) => {
                let shot = LoggedShot { by: joined.seat, victim, seen: drawn.interpolated_at };
                self.record.shot(slot.tick, shot, slot.due);
                input
            }
            None => Input { aim, ..held },
        }
    }
}

impl Controller<Arena> for MeasuredPlayer {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<ArenaEntity>>) -> Input {
        let (Some(joined), Some(drawn)) = (self.joined, drawn) else { return Input::default() };
        self.record.drawn(drawn, slot.due);
        let seen = drawn.observation::<Arena>(joined.rate, joined.seat);
        Arena::observe(&mut self.scene, &seen);
        let walk = on_keys(self.walk.decide(seen));
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
                self.record.joined(joined.rate, now);
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

/// Rounds a movement to the nearest of eight directions at full speed, or to standing still.
fn on_keys(input: Input) -> Input {
    let movement = Point::new(input.move_x.into(), input.move_y.into());
    if movement.length() < 40 {
        return Input { move_x: 0, move_y: 0, ..input };
    }
    const EIGHTH: u16 = 1 << 13;
    let eighth = Angle::of(movement).0.wrapping_add(EIGHTH / 2) / EIGHTH;
    input.walking(Angle(eighth.wrapping_mul(EIGHTH)).times(Input::FULL_SPEED))
}

/// The predicted position of the own fighter after this input, from which the weapon fires.
fn predicted_position(own: &OwnEntities<'_>, input: &Input, scene: &Scene, rate: TickRate) -> Point {
    let mut predicted = PredictedEntities::new();
    predicted.confirm(own.fighter_id, ArenaEntity::Fighter(own.fighter.clone()));
    predicted.confirm(own.kit_id, ArenaEntity::Kit(own.kit.clone()));
    Arena::predict(&mut predicted, input, scene, rate);
    let position = predicted.iter().find_map(|(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) => Some(fighter.body.at),
        _ => None,
    });
    position.unwrap_or(own.fighter.body.at)
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

fn own_entities<'a>(joined: &Joined, drawn: &'a Drawn<ArenaEntity>) -> Option<OwnEntities<'a>> {
    let entities = || drawn.entities.iter();
    let (fighter_id, fighter) = entities().find_map(|(id, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat == joined.seat => Some((*id, fighter)),
        _ => None,
    })?;
    let (kit_id, kit) = entities().find_map(|(id, entity)| match entity {
        ArenaEntity::Kit(kit) => Some((*id, kit)),
        _ => None,
    })?;
    Some(OwnEntities { fighter_id, kit_id, fighter, kit })
}

/// Whether the match is in the phase in which weapons work.
fn is_playing(drawn: &Drawn<ArenaEntity>) -> bool {
    drawn
        .entities
        .iter()
        .any(|(_, entity)| matches!(entity, ArenaEntity::Match(state) if state.phase == Phase::Playing))
}

fn others<'a>(joined: &Joined, drawn: &'a Drawn<ArenaEntity>) -> impl Iterator<Item = &'a Fighter> {
    let seat = joined.seat;
    drawn.entities.iter().filter_map(move |(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat != seat => Some(fighter),
        _ => None,
    })
}
