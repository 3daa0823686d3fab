//! The visible half of reconciliation: what prediction had wrong is eased away, never jumped.

use std::time::Duration;

use quarrel_shared::{game::Point, id::EntityId};

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
