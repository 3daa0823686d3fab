//! What lies between two states of one thing: the one rule that screens draw by and that shots are judged by.
//!
//! A screen draws others between two snapshots, and a rewound shot is judged between two ticks. Were those two rules, then
//! what was hit on the screen would be missed in the room.

use crate::game::Point;

/// Where something is `part` of `whole` on the way between two places. It goes straight; a way that is longer than `reach`
/// (1/256 unit) is none, and it stays until it is due elsewhere.
pub(super) const fn place_between(from: Point, to: Point, reach: u32, part: u32, whole: u32) -> Point {
    if part < whole && is_jump(from, to, reach) { from } else { from.towards(to, part, whole) }
}

/// Whether nothing that gets as far as `reach` (1/256 unit) gets from one place to the other.
pub(super) const fn is_jump(from: Point, to: Point, reach: u32) -> bool {
    from.distance_squared(to) > (reach as u64).pow(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_right_at_both_ends_and_a_jump_waits_for_its_end() {
        let (from, to) = (Point::new(0, 0), Point::new(160, -80));
        for (reach, halfway) in [(200, Point::new(80, -40)), (100, from)] {
            let at = |part| place_between(from, to, reach, part, 16);
            assert_eq!((at(0), at(8), at(16)), (from, halfway, to), "with a reach of {reach}");
        }
    }
}
