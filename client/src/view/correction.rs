//! Error smoothing: a corrected entity moves to its new position over a short time instead of jumping there.

use std::time::Duration;

use quarrel_shared::{game::Point, id::EntityId};

/// The duration of a correction: short enough that the drawn position is soon the predicted one, long enough that players do not
/// notice the movement.
pub(crate) const DURATION: Duration = Duration::from_millis(100);

/// The offsets by which corrected entities are drawn away from their predicted positions. Each offset shrinks linearly to zero within
/// [`DURATION`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Corrections {
    active: Vec<Correction>,
}

#[derive(Clone, Copy, Debug)]
struct Correction {
    id: EntityId,
    /// The offset at the start.
    from: Point,
    /// The time of the start.
    since: Duration,
}

impl Corrections {
    /// Starts a correction of an entity whose old predicted position is the new one plus `by`. The present offset of an earlier
    /// correction of this entity is added.
    pub(crate) fn push(&mut self, id: EntityId, by: Point, now: Duration) {
        let from = self.offset(id, now) + by;
        self.active
            .retain(|correction| correction.id != id && now.saturating_sub(correction.since) < DURATION);
        self.active.push(Correction { id, from, since: now });
    }

    /// Ends the correction of an entity at once, because the entity jumped.
    pub(crate) fn remove(&mut self, id: EntityId) {
        self.active.retain(|correction| correction.id != id);
    }

    /// Returns the offset of an entity at `now`; zero without a correction.
    #[must_use]
    pub(crate) fn offset(&self, id: EntityId, now: Duration) -> Point {
        let Some(correction) = self.active.iter().find(|correction| correction.id == id) else {
            return Point::default();
        };
        let left = DURATION.saturating_sub(now.saturating_sub(correction.since));
        correction.from.scaled(left.as_micros() as i32, DURATION.as_micros() as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: EntityId = EntityId { slot: 1, generation: 0 };
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_correction_shrinks_to_zero_in_a_tenth_of_a_second() {
        let mut corrections = Corrections::default();
        corrections.push(ID, Point::new(100, -50), 1000 * MS);
        let offsets: Vec<_> =
            [0, 25, 50, 100, 500].map(|after| corrections.offset(ID, (1000 + after) * MS)).to_vec();
        let expected = [(100, -50), (75, -37), (50, -25), (0, 0), (0, 0)].map(|(x, y)| Point::new(x, y));
        assert_eq!(offsets, expected);
    }

    #[test]
    fn a_second_correction_continues_from_the_first_one() {
        let mut corrections = Corrections::default();
        corrections.push(ID, Point::new(100, 0), Duration::ZERO);
        corrections.push(ID, Point::new(10, 0), 50 * MS);
        assert_eq!(corrections.offset(ID, 50 * MS), Point::new(60, 0), "the drawn position does not jump");
        assert_eq!(corrections.offset(ID, 150 * MS), Point::default());
    }
}
