//! The crossbow: fires one bolt, then needs its recovery time.

use crate::arena::{input::Input, kit::Kit};

/// Steps the crossbow. Returns true if it fires, which takes one bolt from the quiver.
pub(super) const fn update(kit: &mut Kit, input: &Input) -> bool {
    let has_fired = input.fire && kit.busy_ticks == 0 && kit.quiver > 0;
    if has_fired {
        kit.quiver -= 1;
    }
    has_fired
}
