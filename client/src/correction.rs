//! The visible half of reconciliation: what prediction had wrong is eased away, never jumped.

use std::time::Duration;

use quarrel_shared::{
    game::{Entity, Own, Place, Point},
    id::EntityId,
};

/// How long a correction takes to be eased: short enough to be true soon, long enough not to be seen.
pub const EASE: Duration = Duration::from_millis(100);

/// How far beside their true places things are drawn, less with every moment.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    eased: Vec<Eased>,
}

#[derive(Clone, Copy, Debug)]
struct Eased {
    id: EntityId,
    from: Point,
    since: Duration,
}

impl Corrections {
    /// A thing turned out to be elsewhere: it was drawn `by` beside its true place.
    pub fn push(&mut self, id: EntityId, by: Point, now: Duration) {
        let from = self.offset(id, now) + by;
        self.eased.retain(|eased| eased.id != id && now.saturating_sub(eased.since) < EASE);
        self.eased.push(Eased { id, from, since: now });
    }

    /// A thing jumped: nothing of it is eased any more.
    pub fn forget(&mut self, id: EntityId) {
        self.eased.retain(|eased| eased.id != id);
    }

    /// How far beside its true place a thing is drawn.
    #[must_use]
    pub fn offset(&self, id: EntityId, now: Duration) -> Point {
        let Some(eased) = self.eased.iter().find(|eased| eased.id == id) else { return Point::default() };
        let left = EASE.saturating_sub(now.saturating_sub(eased.since));
        eased.from.scaled(left.as_micros() as i32, EASE.as_micros() as i32)
    }
}

/// An own thing that is not where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub id: EntityId,
    /// How far it was beside where it is; `None` when it jumped, and nothing lies in between.
    pub by: Option<Point>,
}

/// What is not where it was. `confirmed` are things that had no id before, as they were then.
pub fn moved<E: Entity>(was: &Own<E>, confirmed: &[(EntityId, E)], is: &Own<E>) -> Vec<Moved> {
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
pub fn loosed<E>(own: &Own<E>) -> impl Iterator<Item = &E> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const ID: EntityId = EntityId { slot: 1, generation: 0 };
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_correction_is_eased_over_a_tenth_of_a_second() {
        let mut corrections = Corrections::default();
        corrections.push(ID, Point::new(100, -50), 1000 * MS);
        let offsets: Vec<_> =
            [0, 25, 50, 100, 500].map(|after| corrections.offset(ID, (1000 + after) * MS)).to_vec();
        let expected = [(100, -50), (75, -37), (50, -25), (0, 0), (0, 0)].map(|(x, y)| Point::new(x, y));
        assert_eq!(offsets, expected);
    }

    #[test]
    fn a_second_correction_goes_on_from_where_the_first_one_is() {
        let mut corrections = Corrections::default();
        corrections.push(ID, Point::new(100, 0), Duration::ZERO);
        corrections.push(ID, Point::new(10, 0), 50 * MS);
        assert_eq!(corrections.offset(ID, 50 * MS), Point::new(60, 0), "nothing on the screen jumps");
        assert_eq!(corrections.offset(ID, 150 * MS), Point::default());
    }
}
