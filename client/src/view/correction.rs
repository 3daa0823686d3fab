//! Error smoothing: a corrected entity moves to its new position over a short time instead of jumping there.

use std::time::Duration;

use quarrel_shared::{game::Point, id::EntityId};

/// The duration of a correction: short enough to be right soon, long enough not to be noticed.
pub(crate) const DURATION: Duration = Duration::from_millis(100);

/// The offsets at which corrected entities are drawn. Each shrinks linearly to zero within [`DURATION`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Corrections {
    active: Vec<Correction>,
}

#[derive(Clone, Copy, Debug)]
struct Correction {
    id: EntityId,
    from: Point,
    since: Duration,
}

impl Corrections {
    /// Starts a correction of an entity that was drawn `by` away from its confirmed position.
    pub(crate) fn push(&mut self, id: EntityId, by: Point, now: Duration) {
        let from = self.offset(id, now) + by;
        self.active
            .retain(|correction| correction.id != id && now.saturating_sub(correction.since) < DURATION);
        self.active.push(Correction { id, from, since: now });
    }

    /// Ends the correction of an entity that jumped.
    pub(crate) fn remove(&mut self, id: EntityId) {
        self.active.retain(|correction| correction.id != id);
    }

    /// The offset at which an entity is drawn now.
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
        assert_eq!(corrections.offset(ID, 50 * MS), Point::new(60, 0), "nothing on the screen jumps");
        assert_eq!(corrections.offset(ID, 150 * MS), Point::default());
    }
}
