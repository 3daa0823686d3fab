//! Which of a seat's own things is which: before and after a correction, before and after the server gave it an id.
//!
//! What a client lets loose has no id until the server confirms it, so it is known by where it should be. Were it not followed, a bolt
//! would jump when it is confirmed, and nobody would count how far.

use quarrel_shared::{
    game::{Entity, Place, Point, PredictedEntities},
    id::EntityId,
};

/// An own thing that is not where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub id: EntityId,
    /// How far it was beside where it is; `None` when it jumped, and nothing lies in between.
    pub by: Option<Point>,
}

/// What is not where it was. `confirmed` are things that had no id before, as they were then.
pub fn moved<E: Entity>(
    was: &PredictedEntities<E>,
    confirmed: &[(EntityId, E)],
    is: &PredictedEntities<E>,
) -> Vec<Moved> {
    let of = |id| {
        let known = was.iter().find(|(other, _)| *other == Some(id)).map(|(_, thing)| thing);
        known.or_else(|| confirmed.iter().find(|(other, _)| *other == id).map(|(_, thing)| thing))
    };
    is.iter().filter_map(|(id, new)| difference(id?, of(id?)?, new)).collect()
}

fn difference<E: Entity>(id: EntityId, old: &E, new: &E) -> Option<Moved> {
    let (Place::At(old_at), Place::At(new_at)) = (old.place(), new.place()) else { return None };
    if old.jumps_to(new) {
        return Some(Moved { id, by: None });
    }
    (old_at != new_at).then_some(Moved { id, by: Some(old_at - new_at) })
}

/// What was let loose and has no id yet, in the order in which it was.
pub fn loosed<E>(own: &PredictedEntities<E>) -> impl Iterator<Item = &E> {
    own.iter().filter(|(id, _)| id.is_none()).map(|(_, thing)| thing)
}

/// Which confirmed thing each one that was let loose has become: the nearest to where it was guessed, the older one first where
/// two are as near.
pub fn pair<E: Entity>(loosed: &[&E], confirmed: &[(EntityId, &E)]) -> Vec<(usize, EntityId)> {
    let mut ways = Vec::new();
    for (at, guess) in loosed.iter().enumerate() {
        let to = |(id, thing): &(EntityId, &E)| Some((way(guess.place(), thing.place())?, at, *id));
        ways.extend(confirmed.iter().filter_map(to));
    }
    ways.sort_unstable();
    let mut pairs: Vec<(usize, EntityId)> = Vec::new();
    for (_, at, id) in ways {
        if pairs.iter().all(|(other, taken)| *other != at && *taken != id) {
            pairs.push((at, id));
        }
    }
    pairs
}

/// Which of the things a tick before has become this one, when neither has an id: the one that would be nearest by now. One that
/// lies nearer to where the other was than to where it would be came after it, and is new.
pub fn came_from<'a, E: Entity>(thing: &E, before: impl Iterator<Item = &'a E>) -> Option<usize> {
    let way_of = |(at, old): (usize, &E)| {
        let goes_on = way(old.extrapolate(1).place(), thing.place())?;
        (goes_on <= way(old.place(), thing.place())?).then_some((goes_on, at))
    };
    before.enumerate().filter_map(way_of).min().map(|(_, at)| at)
}

/// The square of the way between two places; `None` between a place and none.
fn way(from: Place, to: Place) -> Option<u64> {
    match (from, to) {
        (Place::At(from), Place::At(to)) => Some(from.distance_squared(to)),
        (Place::At(_), _) | (_, Place::At(_)) => None,
        _ => Some(0),
    }
}
