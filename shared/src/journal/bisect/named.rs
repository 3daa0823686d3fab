//! The differences between two states of a game that a report lists by name.

use crate::game::{Differences, Game, differences};

/// The maximum number of differences that are listed by name: they fit on a screen with the rest of a report.
const MAX_NAMED: usize = 16;

/// Returns the differences between two states, up to [`MAX_NAMED`] of them by name.
pub(super) fn named_differences<G: Game>(one: &G, other: &G) -> Differences {
    differences(one, other, MAX_NAMED)
}
