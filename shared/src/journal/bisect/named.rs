//! Named differences between two states, as many as a report shows.

use crate::game::{Differences, Game, differences};

/// The maximum number of named differences: what fits on a screen beside the rest of a report.
const MAX_NAMED: usize = 16;

/// Returns the differences between two states.
pub(super) fn named_differences<G: Game>(one: &G, other: &G) -> Differences {
    differences(one, other, MAX_NAMED)
}
