//! Matches a seat's own entities across a correction, and predicted spawns with the entities that confirm them.
//!
//! An entity that prediction spawns, such as a bolt, has no id until the server confirms it, so it is identified by its position. Without
//! matching, a bolt would jump when the server confirms it, and the prediction error would not be counted.

use quarrel_shared::{
    game::{Entity, Place, Point, PredictedEntities},
    id::EntityId,
};

/// The displacement of one of the seat's own entities by a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Displacement {
    /// The entity.
    pub(crate) id: EntityId,
    /// The old position relative to the new one. `None` if the entity jumped, as at a respawn, so that the change must not be eased.
    pub(crate) by: Option<Point>,
}

/// Returns the displacements from the `old` predicted entities to the `new` ones. `confirmed` are the old states of entities that had no
/// id in `old` and have one in `new`.
pub(crate) fn displacements<E: Entity>(
    old: &PredictedEntities<E>,
    confirmed: &[(EntityId, E)],
    new: &PredictedEntities<E>,
) -> Vec<Displacement> {
    let find_old = |id| {
        let known = old.iter().find(|(other, _)| *other == Some(id)).map(|(_, entity)| entity);
        known.or_else(|| confirmed.iter().find(|(other, _)| *other == id).map(|(_, entity)| entity))
    };
    new.iter().filter_map(|(id, entity)| displacement(id?, find_old(id?)?, entity)).collect()
}

fn displacement<E: Entity>(id: EntityId, old: &E, new: &E) -> Option<Displacement> {
    let (Place::At(old_at), Place::At(new_at)) = (old.place(), new.place()) else { return None };
    if old.jumps_to(new) {
        return Some(Displacement { id, by: None });
    }
    (old_at != new_at).then_some(Displacement { id, by: Some(old_at - new_at) })
}

/// Returns the predicted spawns, which have no id yet, in the order in which they were spawned.
pub(crate) fn unconfirmed<E>(own: &PredictedEntities<E>) -> impl Iterator<Item = &E> {
    own.iter().filter(|(id, _)| id.is_none()).map(|(_, entity)| entity)
}

/// Pairs predicted spawns, by index, with the entities that confirm them, the nearest pair first. Each spawn and each entity is in at
/// most one pair. Of two spawns at the same distance, the older one is paired first.
pub(crate) fn pair_spawns<E: Entity>(spawns: &[&E], confirmed: &[(EntityId, &E)]) -> Vec<(usize, EntityId)> {
    let mut distances = Vec::new();
    for (index, spawn) in spawns.iter().enumerate() {
        let to = |(id, entity): &(EntityId, &E)| {
            Some((distance_squared(spawn.place(), entity.place())?, index, *id))
        };
        distances.extend(confirmed.iter().filter_map(to));
    }
    distances.sort_unstable();
    let mut pairs: Vec<(usize, EntityId)> = Vec::new();
    for (_, index, id) in distances {
        if pairs.iter().all(|(other, taken)| *other != index && *taken != id) {
            pairs.push((index, id));
        }
    }
    pairs
}

/// Returns the index of the entity of the previous tick that became `entity`, where none has an id: the one whose extrapolated position
/// is nearest. A previous entity whose old position is nearer to `entity` than its extrapolated position is not a candidate: `entity`
/// was spawned later at the same place. `None` if there is no candidate: `entity` is new.
pub(crate) fn predecessor<'a, E: Entity>(entity: &E, previous: impl Iterator<Item = &'a E>) -> Option<usize> {
    let distance = |(index, old): (usize, &E)| {
        let extrapolated = distance_squared(old.extrapolate(1).place(), entity.place())?;
        (extrapolated <= distance_squared(old.place(), entity.place())?).then_some((extrapolated, index))
    };
    previous.enumerate().filter_map(distance).min().map(|(_, index)| index)
}

/// Returns the squared distance between two places: `None` if only one of them has a position, 0 if neither has.
fn distance_squared(from: Place, to: Place) -> Option<u64> {
    match (from, to) {
        (Place::At(from), Place::At(to)) => Some(from.distance_squared(to)),
        (Place::At(_), _) | (_, Place::At(_)) => None,
        _ => Some(0),
    }
}
